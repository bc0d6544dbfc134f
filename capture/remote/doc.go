// Package remote captures on an interface of another machine, by running
// tcpdump there through ssh: a capture.Source.
//
//	this machine                         the other one
//	Source ◄── pcap ── ssh ══════ sshd ◄── sh ── tcpdump -U -w - FILTER
//	   stdin, held open ─────────────────► read: its end is tcpdump's end
//
// Nothing has to be there but a POSIX shell and tcpdump. The connection that the
// capture comes through is left out of it: the other side knows its addresses and
// ports (SSH_CONNECTION), and every frame of it that was captured would make
// another one.
//
// tcpdump hands frames on within a second, when they are few, and within
// milliseconds with Options.Immediate, for which it needs a wake-up per frame and
// can hold far fewer of them.
//
// Whatever the other side says is untrusted: its capture is read as any file is,
// and its messages are made safe for terminals.
package remote
