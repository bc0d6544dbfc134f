package text

// layout is which columns a line has, and how they stand.
type layout struct {
	clock  string // the time of day as package time spells it; "" for none
	gap    int    // cells between columns
	stream int    // cells of the column of flows, until a number does not fit
	size   bool   // there is a column of sizes
	took   bool   // there is a column of durations
	steady bool   // a column that is empty keeps its place, also before the words
	wordy  bool   // levels, protocols and what is missing are spelled out
}

// layouts are the layouts by the width from which on they are used. From one to
// the next what a line can best do without goes: the air, the size, the
// duration and fractions of seconds, the time. The result is in all of them.
var layouts = [...]struct {
	from int
	layout
}{
	{100, wide},
	{72, layout{clock: "15:04:05.000", gap: 1, stream: 4, size: true, took: true, wordy: true}},
	{54, layout{clock: "15:04:05.000", gap: 1, stream: 4, took: true}},
	{34, layout{clock: "15:04:05", gap: 1, stream: 3}},
	{0, layout{gap: 1, stream: 2}},
}

var wide = layout{clock: "15:04:05.000", gap: 2, stream: 4, size: true, took: true, steady: true, wordy: true}

// layoutOf is the layout for a width; 0 is no limit.
func layoutOf(width int) layout {
	if width <= 0 {
		return wide
	}
	for _, l := range layouts {
		if width >= l.from {
			return l.layout
		}
	}
	return wide
}
