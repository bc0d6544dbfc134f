// Package privilege gives up what a program needs to open a capture and does not
// need to read it: root, capabilities, and the files and networks it has no
// business with. What comes from the network is parsed after that, so that whoever
// takes over a parser has gained little. docs/PRIVILEGES.md says what is left.
//
// The order is: open the capture handles and the output files, Confine, read the
// first frame. Confine acts on the whole process, all threads, built with cgo or
// without, and checks every thread afterwards; it cannot be undone. An error means
// that the process may still have rights that it should not have: it must end.
//
// Target says whom root should become, Chown gives the files to that user that
// root made for them, and Advice is for who lacks the right to capture at all.
//
// All of it is for Linux. On other systems of the Unix kind Confine becomes the
// user, elsewhere it does nothing; its Report names what it could not do.
package privilege
