package http_test

import (
	"testing"

	"example.com/wirewatch/dissect"
	"example.com/wirewatch/dissect/http"
	"example.com/wirewatch/dissect/talk"
)

var specs = []dissect.Spec{http.Spec}

func TestTalks(t *testing.T) {
	heard := talk.Run(t, "testdata/*.talk", specs)
	seen := talk.Anomalies(heard)
	for _, code := range http.Codes {
		if !seen[code.Name] {
			t.Errorf("no talk produces %s", code.Name)
		}
	}
}
