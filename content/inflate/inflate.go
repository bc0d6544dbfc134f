package inflate

// Decoder is one context: what one end of a connection compresses, message
// after message. New or Pool.New makes it.
type Decoder struct {
	pool *Pool
	win  window
	err  error

	older, newer *Decoder // see Pool.used
	held         int      // what holds was, when the pool was last told

	bits    uint64 // bits of the input that are not used yet, the next one lowest; 0 above the first n
	n       uint   // how many
	unknown uint64 // bytes written since the message began that copy lost history
	state   state
	final   bool  // the block, or the one before it, has BFINAL set
	begun   bool  // a message has begun
	evicted bool  // see Evicted
	tail    uint8 // bytes of the message's tail that were decoded

	header header
	lit    *litTable
	dist   *distTable
	tables *tables // nil until a block needs them, and while they are packed
	packed *codes  // what tables are built of again, if the block goes on

	length, distance int // what remains to be copied: of a match, or of a stored block (length)
}

// call is what one call of Decode or EndMessage was given, and how far it came.
type call struct {
	in, out []byte
	marks   []byte // for each byte of out 1 if it copies lost history, else 0; nil if none is lost
	n, m    int    // bytes of in that were taken, and of out that were written
	full    bool   // there is more to write than out has room for
}

// state is what comes next.
type state uint8

const (
	blockHeader state = iota
	storedLength
	storedBytes
	dynamicCounts
	precodeLengths
	codeLengths
	symbols
	match
)

// New makes a decoder with a pool of its own. bits is as for Pool.New.
func New(bits int) *Decoder { return new(Pool).New(bits) }

// Decode takes n bytes of p and writes m bytes to out, until p is used up or out
// is full. If out is full there may be more to come even though p is used up:
// call again. What of out follows its first m bytes is overwritten with
// anything. Neither slice is kept.
//
// An error, which is an Error, comes with the bytes before it, and again from
// every later call until Reset or Forget.
func (d *Decoder) Decode(out, p []byte) (n, m int, err error) {
	if d.begin(); d.err != nil {
		return 0, 0, d.err
	}
	c := d.call(out, p)
	d.run(&c)
	d.finish(&c)
	return c.n, c.m, d.err
}

// messageTail is what the sender removed from the end of each message (RFC 7692
// §7.2.1): the length of an empty stored block, whose header it left.
var messageTail = []byte{0, 0, 0xff, 0xff}

// EndMessage decodes the tail that every message lacks (RFC 7692 §7.2.2), and
// writes to out what was not written yet. It is called until done, each time
// with room in out. Not to end with a block is an error, but for one case: a
// message that ends with a block with BFINAL, where §7.2.1 wants an empty block
// after it, as receivers that use zlib do not miss it.
func (d *Decoder) EndMessage(out []byte) (m int, done bool, err error) {
	if d.begin(); d.err != nil {
		return 0, false, d.err
	}
	c := d.call(out, nil)
	d.run(&c)
	if d.err == nil && !c.full && !d.ended() {
		c.in = messageTail[d.tail:]
		d.run(&c)
		d.tail += uint8(c.n)
	}
	d.finish(&c)
	switch {
	case d.err != nil || c.full:
		return c.m, false, d.err
	case !d.ended():
		d.err = ErrUnfinished
		if d.state == blockHeader {
			d.err = ErrTrailing
		}
		return c.m, false, d.err
	}
	d.begun = false
	return c.m, true, nil
}

// ended reports whether the message may end here.
func (d *Decoder) ended() bool {
	whole := int(d.tail) == len(messageTail) || d.tail == 0 && d.final
	return whole && d.state == blockHeader && d.n == 0
}

// Unknown is how many of the bytes written since the message began copy history
// that was lost. They are written as 0. Until the next message begins it is
// about the one that ended.
func (d *Decoder) Unknown() uint64 { return d.unknown }

// UnknownRanges yields the ranges [from, to) of the bytes that the latest Decode
// or EndMessage wrote which copy history that was lost, in order:
//
//	for from, to := range d.UnknownRanges { … }
//
// They are kept by the pool, until the next call of any of its decoders.
func (d *Decoder) UnknownRanges(yield func(from, to int) bool) {
	if d.pool.latest != d {
		return
	}
	marks := d.pool.marks[:d.pool.marked]
	for from := 0; from < len(marks); {
		to := from + run(marks[from:])
		if marks[from] == 1 && !yield(from, to) {
			return
		}
		from = to
	}
}

// Evicted reports whether, since it was last asked, d gave up its history for
// the pool's Limit. Then it goes on as after Forget, though perhaps in the middle
// of a message: sizes stay exact. Reset and Forget make it false, since there
// is nothing then that could have been lost by it.
func (d *Decoder) Evicted() bool {
	evicted := d.evicted
	d.evicted = false
	return evicted
}

// evict gives up what d holds, for another decoder's sake.
func (d *Decoder) evict() {
	d.pack()
	if d.win.filled > 0 {
		d.win.reset(d.pool, true)
		d.evicted = true
	}
	d.pool.settle(d)
}

// Reset empties the context: the next message is decoded as the first
// (no context takeover, RFC 7692 §7.1.1). Nothing is held then.
func (d *Decoder) Reset() { d.restart(false) }

// Forget is for messages that were not captured: all history is unknown from
// here on, as far back as the window goes, and the next bytes are the start of
// a message. Nothing is held then.
func (d *Decoder) Forget() { d.restart(true) }

func (d *Decoder) restart(lost bool) {
	d.err, d.bits, d.n, d.state = nil, 0, 0, blockHeader
	d.begun, d.unknown, d.evicted, d.packed = false, 0, false, nil
	d.win.reset(d.pool, lost)
	d.Release()
}

// Release gives back what it does not take to go on: between messages all but
// the window, in the middle of one all but the window and code lengths, and after
// an error all. It is for connections that may stay idle, and may be called at
// any time. In the middle of a block it allocates.
func (d *Decoder) Release() {
	d.pack()
	if d.err != nil {
		d.win.reset(d.pool, d.win.lost)
	}
	d.pool.settle(d)
}

// holds is how many bytes of memory d has borrowed.
func (d *Decoder) holds() int {
	n := d.win.holds()
	if d.tables != nil {
		n += sizeOfTables
	}
	return n
}

// begin begins a message, unless it has begun.
func (d *Decoder) begin() {
	if !d.begun {
		d.begun, d.tail, d.final, d.unknown = true, 0, false, 0
	}
	if d.packed != nil {
		d.unpack()
	}
	d.pool.latest = nil
}

func (d *Decoder) call(out, in []byte) call {
	c := call{in: in, out: out}
	if d.win.lost {
		c.marks = d.pool.marksFor(d, len(out))
	}
	return c
}

// finish makes what a call wrote history.
func (d *Decoder) finish(c *call) {
	if c.marks != nil {
		c.marks = c.marks[:c.m]
		d.pool.marked = c.m
		d.unknown += uint64(count(c.marks))
	}
	if c.m > 0 {
		d.win.append(d.pool, c.out[:c.m], c.marks)
	}
	d.pool.used(d)
}

// run decodes until the input is used up, the output is full, or an error.
func (d *Decoder) run(c *call) {
	for d.err == nil && d.step(c) {
	}
}

// step decodes in the present state; it returns false when that takes more
// input or room than there is, and on errors.
func (d *Decoder) step(c *call) bool {
	switch d.state {
	case blockHeader:
		return d.blockHeader(c)
	case storedLength:
		return d.storedLength(c)
	case storedBytes:
		return d.storedBytes(c)
	case dynamicCounts:
		return d.dynamicCounts(c)
	case precodeLengths:
		return d.precodeLengths(c)
	case codeLengths:
		return d.codeLengths(c)
	case symbols:
		return d.symbols(c)
	default:
		return d.match(c)
	}
}

// fail ends decoding.
func (d *Decoder) fail(err error) bool {
	d.err = err
	return false
}

// need reports whether there are k bits, at most 56, when input was added.
func (d *Decoder) need(c *call, k uint) bool {
	for d.n < k {
		if c.n == len(c.in) {
			return false
		}
		d.bits |= uint64(c.in[c.n]) << d.n
		d.n += 8
		c.n++
	}
	return true
}

// take removes k bits and returns them.
func (d *Decoder) take(k uint) int {
	v := d.bits & (1<<k - 1)
	d.bits >>= k
	d.n -= k
	return int(v)
}
