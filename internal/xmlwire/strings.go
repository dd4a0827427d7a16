package xmlwire

import "strings"

// The largest blocks that strings are cut from. What is yielded is often dropped,
// but for a part of it, which should not hold on to much else; blocks as large as
// the others would save it 5 to 10 %. What is collected is held on to as a whole.
const (
	streamBlock  = 1 << 10
	collectBlock = 4 << 10
	firstBlock   = 128
)

// stringCutter makes the strings that a document becomes. They are most of its cost:
// one by one, they take 5 to 15 % longer as they are yielded, 10 to 20 % collected.
type stringCutter struct {
	block strings.Builder
	size  int // of the largest block
}

// cut returns text as a string.
func (c *stringCutter) cut(text []byte) string {
	if len(text) > c.size/4 {
		return string(text)
	}
	n := c.block.Len()
	if n+len(text) > c.block.Cap() {
		n = 0
		size := max(2*c.block.Cap(), firstBlock)
		c.block.Reset()
		c.block.Grow(min(max(size, len(text)), c.size))
	}
	c.block.Write(text)
	return c.block.String()[n:]
}
