package inflate

// litSymbols, distSymbols and preSymbols are the entries of the three
// alphabets' symbols, but for the lengths of their codes.
var (
	litSymbols  = literalsAndLengths()
	distSymbols = distances()
	preSymbols  = precode()
)

// literalsAndLengths is the alphabet of RFC 1951 §3.2.5: 0-255 literals, 256 the
// end of a block, 257-285 lengths.
func literalsAndLengths() (s [288]entry) {
	for i := range 256 {
		s[i] = literal | entry(i)<<16
	}
	s[256] = endBlock
	base := 3
	for i := range 28 {
		extra := max(0, i/4-1)
		s[257+i] = entry(base)<<16 | entry(extra)
		base += 1 << extra
	}
	s[285] = 258 << 16 // and not 284 with extra bits all ones, as the pattern would have it
	s[286], s[287] = invalid, invalid
	return s
}

// distances is the alphabet of the distance codes, RFC 1951 §3.2.5.
func distances() (s [32]entry) {
	base := 1
	for i := range 30 {
		extra := max(0, i/2-1)
		s[i] = entry(base)<<16 | entry(extra)
		base += 1 << extra
	}
	s[30], s[31] = invalid, invalid
	return s
}

// precode is the alphabet of code lengths, RFC 1951 §3.2.7. The value is the
// symbol; the extra bits are how often to repeat, from a base of 3, 3 and 11.
func precode() (s [maxPre]entry) {
	for i := range s {
		s[i] = entry(i) << 16
	}
	s[16] += 2
	s[17] += 3
	s[18] += 7
	return s
}

// fixedLit and fixedDist are the codes of RFC 1951 §3.2.6. Nothing writes to them.
var fixedLit, fixedDist = fixedTables()

func fixedTables() (*litTable, *distTable) {
	var w workspace
	var lens [288]uint8
	fill(lens[:144], 8)
	fill(lens[144:256], 9)
	fill(lens[256:280], 7)
	fill(lens[280:], 8)
	lit, dist := new(litTable), new(distTable)
	lit.mask, _ = w.build(lit.e[:], litRoot, lens[:], litSymbols[:])
	fill(lens[:32], 5)
	dist.mask, _ = w.build(dist.e[:], distRoot, lens[:32], distSymbols[:])
	return lit, dist
}
