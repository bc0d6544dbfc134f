package rpc

import (
	"slices"

	"example.com/wirewatch/event"
)

// maxPending is how many requests of one end may wait for their responses. At
// that many the oldest is forgotten; what answers it then answers nothing that
// was seen.
const maxPending = 256

// role is what a message does to a request.
type role uint8

const (
	none     role = iota
	asks          // it is one
	answers       // it is one of its answers, and more may come
	finishes      // it is its last or only answer
	cancels       // it takes it back
)

// space keeps ids apart that look the same.
type space byte

const (
	noSpace   space = iota // an id that pairs nothing
	worded                 // ids that are strings
	numeric                // ids that are JSON numbers
	session                // the handshake, of a Socket.IO namespace if there is an id
	heartbeat              // the ping of a heartbeat
)

// key is by what a response names its request.
type key struct {
	space space
	sum   uint32 // of id: two keys differ here, nearly always, before their ids are compared
	id    string
}

func keyOf(s space, id string, all bool) key {
	if !all {
		s = noSpace
	}
	sum := uint32(2166136261) // FNV-1a
	for i := range len(id) {
		sum = (sum ^ uint32(id[i])) * 16777619
	}
	return key{s, sum, id}
}

// request is one that may be answered. It keeps its id and method alive, which
// its Message has too.
type request struct {
	key      key
	method   string
	at       event.Mark // where it ended
	answered bool
}

// pending is the requests of one end, oldest first. A nil one has none, as most
// WebSockets do.
type pending struct {
	list []request
	gone int // as many at the front of list no longer wait
}

// find is the index of a request, -1 if it does not wait. Most responses answer
// one of the latest.
func (p *pending) find(k key) int {
	if p == nil {
		return -1
	}
	for i := len(p.list) - 1; i >= p.gone; i-- {
		if p.list[i].key == k {
			return i
		}
	}
	return -1
}

// ask notes a request. One that has the same id is over, whether it was answered
// or not, for its sender has used the id again.
func (p *pending) ask(r request) {
	if !p.forget(r.key) && len(p.list)-p.gone == maxPending {
		p.remove(p.gone)
	}
	if p.gone > 0 && 8*p.gone >= len(p.list) { // not each time: those that wait are moved
		p.list, p.gone = slices.Delete(p.list, 0, p.gone), 0
	}
	p.list = append(p.list, r)
}

// answer finds the request that a message answers.
func (p *pending) answer(k key, last bool) (r request, found bool) {
	i := p.find(k)
	if i < 0 {
		return r, false
	}
	r = p.list[i]
	p.list[i].answered = true
	if last {
		p.remove(i)
	}
	return r, true
}

// forget drops a request, and reports whether there was one.
func (p *pending) forget(k key) bool {
	i := p.find(k)
	if i >= 0 {
		p.remove(i)
	}
	return i >= 0
}

// remove drops request i, and closes the gap from where fewer are to be moved.
func (p *pending) remove(i int) {
	if older, younger := i-p.gone, len(p.list)-1-i; older >= younger {
		p.list = slices.Delete(p.list, i, i+1)
		return
	}
	copy(p.list[p.gone+1:], p.list[p.gone:i])
	p.list[p.gone] = request{}
	p.gone++
}
