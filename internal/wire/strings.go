package wire

import (
	"encoding/binary"
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
	shortSlots  = 1 << 6
)

// stringTable makes the strings that a document becomes. They are most of its
// cost, so short ones are cut from blocks, and what an attribute says again and
// again, such as a message's sender, is made once.
type stringTable struct {
	block strings.Builder
	size  int // of the largest block

	interned []internedString
	stored   []uint16                   // which slots have a text
	short    [shortSlots]internedString // of up to eight bytes, which are the hash
	misses   [64]uint8                  // in a row, by field
}

type internedString struct {
	hash uint64
	text string
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

// intern returns text, of that field, as a string, and if it can the same one as
// before. A field that hardly says anything twice is seldom looked up.
func (t *stringTable) intern(text []byte, field uint8) string {
	if n := len(text); n <= 8 && cap(text) >= 8 {
		word := binary.LittleEndian.Uint64(text[:8]) << (64 - 8*n) // without what follows, and no byte is 0
		e := &t.short[word*0x9E3779B97F4A7C15>>58]
		if e.hash != word {
			*e = internedString{word, t.cut(text)}
		}
		return e.text
	}
	misses := &t.misses[field%64]
	if *misses > 32 || len(text) > maxInterned {
		*misses++ // and after 255 it has another chance
		return t.cut(text)
	}
	if t.interned == nil {
		t.interned = make([]internedString, internSlots)
	}
	h := maphash.Bytes(internSeed, text)
	free := h % internSlots
	for i := range uint64(4) {
		e := &t.interned[(h+i)%internSlots]
		if e.hash == h && e.text == string(text) {
			*misses = 0
			return e.text
		}
		if e.hash == 0 {
			free = (h + i) % internSlots
			break
		}
	}
	*misses++
	if len(t.stored) < internSlots {
		t.stored = append(t.stored, uint16(free))
	}
	e := &t.interned[free]
	*e = internedString{h, t.cut(text)}
	return e.text
}

// forget lets go of all strings.
func (t *stringTable) forget() {
	if len(t.stored) == internSlots {
		clear(t.interned)
	}
	for _, n := range t.stored {
		t.interned[n] = internedString{}
	}
	*t = stringTable{interned: t.interned, stored: t.stored[:0]} // all but their memory
}
