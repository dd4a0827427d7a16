package wire

import (
	"hash/maphash"
	"strings"
)

// What is yielded is often dropped, but for a part of it, which should not hold
// on to much else. What is collected is held on to as a whole.
const (
	streamBlock  = 512
	collectBlock = 4 << 10
)

const (
	maxInterned = 64 // bytes of a string that is remembered
	internSlots = 1 << 10
)

// stringTable makes the strings that a document becomes. They are most of its
// cost, so short ones are cut from blocks, and what an attribute says again and
// again, such as a message's sender, is made once.
type stringTable struct {
	block    strings.Builder
	size     int // of the largest block
	interned []internedString
	stored   []uint16  // which slots have a text
	misses   [64]uint8 // in a row, by field
}

type internedString struct {
	hash uint64
	text string // once the hash was met a second time
}

var internSeed = maphash.MakeSeed()

// cut returns text as a string.
func (t *stringTable) cut(text []byte) string {
	if len(text) > t.size/4 {
		return string(text)
	}
	n := t.block.Len()
	if n+len(text) > t.block.Cap() {
		n = 0
		size := max(2*t.block.Cap(), streamBlock/4)
		t.block.Reset()
		t.block.Grow(min(max(size, len(text)), t.size))
	}
	t.block.Write(text)
	return t.block.String()[n:]
}

// intern returns text, of that field, as a string, the same one from the second
// time on. A field that hardly says anything twice is seldom looked up.
func (t *stringTable) intern(text []byte, field uint8) string {
	misses := &t.misses[field%64]
	if *misses > 32 && *misses%8 != 0 || len(text) > maxInterned {
		*misses++ // and after 255 it has another chance
		return t.cut(text)
	}
	if t.interned == nil {
		t.interned = make([]internedString, internSlots)
	}
	h := maphash.Bytes(internSeed, text)
	for i := range uint64(4) {
		n := (h + i) % internSlots
		switch e := &t.interned[n]; {
		case e.hash == h && e.text == string(text):
			*misses = 0
			return e.text
		case e.hash == h && e.text == "":
			e.text = t.cut(text)
			if len(t.stored) < internSlots {
				t.stored = append(t.stored, uint16(n))
			}
			return e.text
		case e.hash == 0:
			e.hash = h
			*misses++
			return t.cut(text)
		}
	}
	*misses++
	t.interned[(h+h>>62)%internSlots] = internedString{hash: h}
	return t.cut(text)
}

// forget lets go of all strings.
func (t *stringTable) forget() {
	t.block.Reset()
	t.misses = [64]uint8{}
	if len(t.stored) == internSlots {
		clear(t.interned)
	}
	for _, n := range t.stored {
		t.interned[n] = internedString{}
	}
	t.stored = t.stored[:0]
}
