package ws_test

import (
	"testing"

	"example.com/wirewatch/dissect"
	"example.com/wirewatch/dissect/http"
	"example.com/wirewatch/dissect/talk"
	"example.com/wirewatch/dissect/ws"
)

var specs = []dissect.Spec{http.Spec, ws.Spec}

func TestTalks(t *testing.T) {
	heard := talk.Run(t, "testdata/*.talk", specs)
	seen := talk.Anomalies(heard)
	for _, code := range ws.Codes {
		if !seen[code.Name] {
			t.Errorf("no talk produces %s", code.Name)
		}
	}
}
