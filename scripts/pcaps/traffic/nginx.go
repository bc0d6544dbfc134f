package main

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strconv"
)

// accessLine is a line of nginx's access log, as nginx.conf formats it.
type accessLine struct {
	Client  string `json:"client"`
	Server  string `json:"server"`
	Ordinal int    `json:"ordinal,string"`
	Method  string `json:"method"`
	Target  string `json:"target"`
	Status  int    `json:"status,string"`
	Sent    int64  `json:"body_bytes_sent,string"`
}

// curlLine is what "curl -w" prints for a transfer, and what make.sh adds.
type curlLine struct {
	LocalIP   string `json:"local_ip"`
	LocalPort int    `json:"local_port"`
	Effective string `json:"url_effective"`
	Method    string `json:"method"`
	Output    string `json:"filename_effective"`
	Size      int64  `json:"size_download"`
	ExitCode  int    `json:"exitcode"`
}

// nginxTruth joins nginx's access log (which exchange was served on which
// connection, as the how manieth) with the log of curl (what was received) by
// connection and target, and prints it as truth.
func nginxTruth(args []string) error {
	if len(args) != 2 {
		return errors.New("usage: traffic nginx ACCESSLOG CURLLOG")
	}
	access, err := readLines[accessLine](args[0])
	if err != nil {
		return err
	}
	curl, err := readLines[curlLine](args[1])
	if err != nil {
		return err
	}
	received := map[string]*content{}
	for _, l := range curl {
		key, c, err := l.received()
		if err != nil {
			return err
		}
		received[key] = c
	}
	var out []exchange
	for _, a := range access {
		e := exchange{By: "server", Client: a.Client, Server: a.Server, Ordinal: a.Ordinal, Method: a.Method, Target: a.Target, Status: a.Status}
		if a.Method == "GET" || a.Method == "HEAD" { // make.sh gives these no content
			e.Request = newDigest().content()
		}
		if c := received[a.Method+" "+a.Client+" "+a.Target]; c != nil {
			e.By, e.Response = "server+client", c
		} else if a.Sent == 0 {
			e.Response = newDigest().content()
		}
		out = append(out, e)
	}
	return printTruth(out)
}

// received is what curl saved, and the key that joins it.
func (l *curlLine) received() (string, *content, error) {
	u, err := url.Parse(l.Effective)
	if err != nil {
		return "", nil, err
	}
	key := fmt.Sprint(l.Method, " ", net.JoinHostPort(l.LocalIP, strconv.Itoa(l.LocalPort)), " ", u.RequestURI())
	if l.ExitCode != 0 {
		return key, nil, nil
	}
	p, err := os.ReadFile(l.Output)
	if err != nil && !os.IsNotExist(err) { // curl makes no file for no content
		return "", nil, err
	}
	if l.Method == "HEAD" { // curl saves the head
		p = nil
	}
	sum := sha256.Sum256(p)
	c := &content{Size: int64(len(p)), SHA256: hex.EncodeToString(sum[:])}
	if l.Size != c.Size && l.Method != "HEAD" {
		c.Encoded = l.Size
	}
	return key, c, nil
}
