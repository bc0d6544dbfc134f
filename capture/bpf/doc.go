// Package bpf is capture filters in libpcap's language (pcap-filter(7)):
// "tcp port 80 and host 10.0.0.1". libpcap compiles them; what it makes, a
// program of the BSD Packet Filter (McCanne and Jacobson, 1993), runs here,
// on any number of goroutines at once, for frames that come from files.
//
// A build without libpcap (the build tag nolive, or no cgo) runs nothing and
// compiles nothing: Compile says so.
//
// libpcap says what is wrong with an expression, but not where. Fault finds it
// by having libpcap compile beginnings of the expression.
package bpf
