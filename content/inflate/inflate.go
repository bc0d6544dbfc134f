package inflate

// Decoder is one context: what one end of a connection compresses, message
// after message. New or Pool.New makes it.
type Decoder struct {
	pool *Pool
	win  window
	err  error

	bits    uint64 // bits of the input that are not used yet, the next one lowest; 0 above the first n
	n       uint   // how many
	state   state
	final   bool   // the block, or the one before it, has BFINAL set
	begun   bool   // a message has begun
	tail    int    // bytes of the message's tail that were decoded
	unknown uint64 // bytes written since the message began that copy lost history

	lit    *litTable
	dist   *distTable
	tables *tables // nil until a block needs them
	header header

	length, distance int // what remains to be copied: of a match, or of a stored block (length)
	marks            []byte
}

// call is what one call of Decode or EndMessage was given, and how far it came.
type call struct {
	in, out []byte
	marks   []byte // as window.unknown, for each byte of out; nil if no history is lost
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

// New makes a decoder without a pool: Release leaves its tables to the garbage
// collector. bits is as for Pool.New.
func New(bits int) *Decoder { return (*Pool)(nil).New(bits) }

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
		d.tail += c.n
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
	whole := d.tail == len(messageTail) || d.tail == 0 && d.final
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
func (d *Decoder) UnknownRanges(yield func(from, to int) bool) {
	for from := 0; from < len(d.marks); {
		if d.marks[from] == 0 {
			from += run(d.marks[from:], 0)
			continue
		}
		to := from + run(d.marks[from:], 1)
		if !yield(from, to) {
			return
		}
		from = to
	}
}

// run is how many bytes at the start of p are v.
func run(p []byte, v byte) int {
	for i, b := range p {
		if b != v {
			return i
		}
	}
	return len(p)
}

// Reset empties the context: the next message is decoded as the first
// (no context takeover, RFC 7692 §7.1.1).
func (d *Decoder) Reset() { d.restart(false) }

// Forget is for messages that were not captured: all history is unknown from
// here on, as far back as the window goes, and the next bytes are the start of
// a message.
func (d *Decoder) Forget() { d.restart(true) }

func (d *Decoder) restart(lost bool) {
	d.win.reset(lost)
	d.err, d.bits, d.n, d.state = nil, 0, 0, blockHeader
	d.begun, d.unknown, d.marks = false, 0, d.marks[:0]
}

// Release gives back what is needed only within a message, and if there is no
// history, the window too. It is for connections that may stay idle, and may be
// called at any time.
func (d *Decoder) Release() {
	if d.state == blockHeader || d.err != nil {
		d.pool.putTables(d.tables)
		d.tables, d.lit, d.dist, d.marks = nil, nil, nil, nil
	}
	d.win.release(d.pool)
}

// begin begins a message, unless it has begun.
func (d *Decoder) begin() {
	if !d.begun {
		d.begun, d.tail, d.final, d.unknown = true, 0, false, 0
	}
	d.marks = d.marks[:0]
}

func (d *Decoder) call(out, in []byte) call {
	c := call{in: in, out: out}
	if d.win.lost {
		if cap(d.marks) < len(out) {
			d.marks = make([]byte, len(out))
		}
		c.marks = d.marks[:len(out)]
	}
	return c
}

// finish makes what a call wrote history.
func (d *Decoder) finish(c *call) {
	if c.marks != nil {
		c.marks = c.marks[:c.m]
		d.marks = c.marks
		d.unknown += uint64(count(c.marks))
	}
	d.win.append(d.pool, c.out[:c.m], c.marks)
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
