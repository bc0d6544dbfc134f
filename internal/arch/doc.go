// Package arch is the architecture as a test: who may import whom, and what the
// synchronous core may not do.
package arch
