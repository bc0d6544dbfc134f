// Package metamorphic changes captures in ways that must not change what they
// say: it splits, joins, duplicates and reorders their segments and cuts off
// their SYNs, and compares the HTTP facts with those of the capture as made.
package metamorphic
