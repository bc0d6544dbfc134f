// Package process finds which process owns the local end of a TCP connection.
//
// A frame reaches an analyzer some 20 ms after it was sent, and a client like
// curl may be gone by then, its entries in /proc with it. So a Watcher does not
// wait for frames: a packet socket of its own, with a filter in the kernel that
// passes segments with SYN only, wakes it as a connection is opened, while the
// client is still inside connect(2). It then asks the kernel for the socket by
// its addresses (sock_diag(7), an exact look-up and never a dump), and looks for
// the socket's inode among the file descriptors in /proc, where it is most likely
// first: in processes started lately, in those found lately at the number of the last
// socket (a new one gets the lowest that is free), then in all.
//
// A server's end has no inode until accept(2) has returned, so it is asked for
// again, at growing intervals, for about a second. The owner is the process that
// holds the accepted socket: a worker, not the master that opened the port.
//
// Only what was seen is reported, with one exception. A server may accept and
// close a connection faster than it can be looked up; if a scan of all processes,
// no older than a second, has shown that exactly one holds the listening socket,
// then that one accepted the connection, and it is reported. Where several hold
// it (a master and its workers), or a process could not be read, nothing is said.
// The first process is not counted beside another: it may have opened the socket,
// but does not accept from what it has handed on.
//
// The sender of a segment is the end that is looked for: of a SYN it is the
// client, of a SYN,ACK the server. What a loopback interface delivers is seen as
// it is sent; what comes in elsewhere can only belong to another network
// namespace of this host, and is looked for there if that is permitted.
//
// All of it is best effort and none of it is on the path of a frame. One goroutine
// does the work; the processor time that it has used (in a child, that of the
// whole process) fills a bucket that leaks at Options.CPU, and while it overflows,
// the watch sleeps and connections go without a name. The bucket is large enough for
// a session of some hundred short connections. What the Go runtime does around a
// system call that it knows of would be most of the cost, so it is told of few
// (sys_linux.go, wait_linux.go), and a child runs on one thread, before all others
// that are of usual priority: a client on a busy machine may live for less time than
// it would wait for its turn. A pid that was remembered
// cannot stand for a later process of the same number: the socket must be among
// its files now. Only a name, and that a listening socket is still held, is
// believed for 50 ms without looking again.
//
// Not found are connections through a translation of addresses between here and
// the namespace of the socket, those whose SYN,ACK carried a SYN cookie until they
// are asked for, and SYNs behind IPv6 extension headers.
//
// The work needs CAP_NET_RAW for the packet socket, CAP_SYS_PTRACE and
// CAP_DAC_READ_SEARCH for the processes of other users, and CAP_SYS_ADMIN for
// other network namespaces. A program that gives up its privileges runs it in a
// child process that keeps those only (Start, Main), to which it can say no more
// than the addresses of connections.
package process
