package safe

import "unicode"

// class is what a rune is to a terminal and to the eye.
type class uint8

const (
	hidden    class = iota // must be spelled out to be seen, or moves what is seen
	graphic                // has a shape and a place of its own
	mark                   // combines with the base before it
	space                  // blank, one cell
	wideSpace              // blank, two cells
	zeroWidth              // hidden, harmless, and frequent in honest text
	control                // C0 or DEL
)

// classOf is the class of any rune but printable ASCII. The ranges in front are
// the scripts that traffic is written in; they only save time.
func classOf(r rune) class {
	switch {
	case r < 0x20 || r == 0x7f:
		return control
	case r < 0xa1 || r == 0xad: // C1, no-break space, soft hyphen
		if r == 0xa0 {
			return space
		}
		return hidden
	case common(r):
		return graphic
	}
	return lookUp(r)
}

// common reports that r is in a block of graphic characters only.
func common(r rune) bool {
	switch {
	case r < 0x300: // Latin
		return r >= 0xa1 && r != 0xad
	case r < 0x2500:
		return r >= 0x48a && r < 0x530 || r >= 0x400 && r < 0x483 || // Cyrillic
			r >= 0x3a3 && r < 0x400 || // Greek
			r >= 0x2010 && r < 0x2028 || r >= 0x2190 && r < 0x2427 // punctuation, arrows, symbols
	case r < 0x3041:
		return r < 0x2800 // box drawing, shapes, dingbats
	case r < 0xac00: // kana, ideographs
		return r < 0x3097 || r >= 0x30a0 && r < 0x3100 || r >= 0x3400 && r < 0xa000
	}
	return r < 0xd7a4 || r >= 0x1f300 && r < 0x1f650 // Hangul, emoji
}

// lookUp is the class of a rune by the tables of Unicode.
func lookUp(r rune) class {
	switch {
	case r == 0x3000:
		return wideSpace
	case r >= 0x200b && r <= 0x200d || unicode.Is(unicode.Variation_Selector, r):
		return zeroWidth
	case unicode.Is(unicode.Other_Default_Ignorable_Code_Point, r), r == blankBraille:
		return hidden // fillers: letters by category, nothing to the eye
	case unicode.Is(unicode.M, r):
		return mark
	case unicode.Is(unicode.Zs, r):
		return space
	case unicode.IsGraphic(r):
		return graphic
	}
	return hidden // Cc, Cf, Zl, Zp, Cs, Co, Cn
}

// blankBraille is a symbol by category, and blank.
const blankBraille = 0x2800
