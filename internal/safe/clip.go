package safe

import "github.com/charmbracelet/x/ansi"

// Width is the number of cells that the text takes, by grapheme clusters.
func (t Text) Width() int {
	_, w := t.fit(len(t.s))
	return w
}

// fit is the longest run of clusters at the start that takes at most n cells:
// where it ends, and what it takes.
func (t Text) fit(n int) (end, cells int) {
	if plainPrefix(t.s) == len(t.s) {
		n = min(n, len(t.s))
		return n, n
	}
	for s := t.s; s != ""; {
		g, w := ansi.FirstGraphemeCluster(s, ansi.GraphemeWidth)
		if cells+w > n {
			break
		}
		end, cells, s = end+len(g), cells+w, s[len(g):]
	}
	return end, cells
}

// ellipsis stands for what was cut; it takes one cell.
func ellipsis(m Mode) string {
	if m == ASCII {
		return "~"
	}
	return "…"
}

// Clip is the text in at most n cells; if it takes more, its end is cut off and
// an ellipsis says so. m is the mode that the text was cleaned with.
func (t Text) Clip(n int, m Mode) Text {
	if t.fits(n) {
		return t
	}
	if n <= 0 {
		return Text{}
	}
	end, _ := t.fit(n - 1)
	return Text{t.s[:end] + ellipsis(m)}
}

// ClipMiddle is Clip, but cuts the middle out, for both ends of a path tell it
// from its neighbours.
func (t Text) ClipMiddle(n int, m Mode) Text {
	if t.fits(n) {
		return t
	}
	if n <= 0 {
		return Text{}
	}
	end, used := t.fit(n / 2)
	return Text{t.s[:end] + ellipsis(m) + t.last(end, n-1-used)}
}

// fits reports that the text takes at most n cells. No character takes more
// cells than bytes, which answers for most without counting.
func (t Text) fits(n int) bool { return len(t.s) <= n || t.Width() <= n }

// last is the longest run of clusters at the end of t.s[from:] that takes at
// most n cells.
func (t Text) last(from, n int) string {
	rest := Text{t.s[from:]}
	over := rest.Width() - n
	if plainPrefix(rest.s) == len(rest.s) {
		return rest.s[max(over, 0):]
	}
	for over > 0 && rest.s != "" {
		g, w := ansi.FirstGraphemeCluster(rest.s, ansi.GraphemeWidth)
		rest.s, over = rest.s[len(g):], over-w
	}
	return rest.s
}
