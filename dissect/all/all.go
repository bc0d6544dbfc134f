// Package all is the list of protocols: adding one is one folder, and one line
// here.
package all

import (
	"example.com/wirewatch/dissect"
	"example.com/wirewatch/dissect/http"
	"example.com/wirewatch/dissect/ws"
)

// Specs are the protocols that are probed for, in this order.
var Specs = []dissect.Spec{http.Spec, ws.Spec}
