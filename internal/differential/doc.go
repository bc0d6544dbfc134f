// Package differential compares wirewatch with tshark, field by field, over a
// corpus of public captures whose truth was written by tshark. The path of the
// corpus is in WIREWATCH_CORPUS; without it the tests are skipped.
package differential
