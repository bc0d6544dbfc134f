// Package engine owns the goroutines: one reader takes blocks from the source,
// decodes their frames and sorts the segments by shard into epochs; n workers
// own whole shards and turn segments into facts; one collector merges an epoch
// in the order in which facts became certain, numbers flows and facts, feeds the sinks and recycles the memory.
//
// A block belongs to its epochs: the reader fills it, workers read it, the
// collector recycles it. A shard's tables belong to one worker for the whole
// run: no locks. An Event belongs to everyone once emitted, so no one may
// change it. Neither the number of workers nor the size of epochs shows in the
// output. Backpressure is the number of epochs in flight.
package engine
