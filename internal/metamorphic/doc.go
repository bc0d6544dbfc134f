// Package metamorphic changes captures in ways that must not change what they
// say: it splits, joins, duplicates and reorders their segments and cuts off
// their SYNs, and compares the HTTP facts with those of the capture as made.
//
// No capture is exempt. Where a change would destroy what a capture says, it is
// the change that leaves it as it is, and its comment says why.
package metamorphic
