package trilliantest

import (
	"math"
	"net/url"
	"strconv"
)

// params reads the parameters of an operation. The first that is wrong is kept in
// err, and so a handler asks once, before it changes anything.
type params struct {
	values url.Values
	given  int // how many were there
	err    error
}

// params are the parameters of the request's body.
func (c *call) params() *params { return &params{values: c.form.values} }

// get returns a parameter and whether it was given.
func (p *params) get(name string) (string, bool) {
	values, ok := p.values[name]
	if !ok {
		return "", false
	}
	if len(values) > 1 {
		p.fail("%s is given %d times", name, len(values))
	}
	p.given++
	return values[0], true
}

func (p *params) fail(format string, args ...any) {
	if p.err == nil {
		p.err = badRequest(format, args...)
	}
}

// required returns a parameter that must be there and not be empty.
func (p *params) required(name string) string {
	value, ok := p.get(name)
	switch {
	case !ok:
		p.fail("%s is missing", name)
	case value == "":
		p.fail("%s is empty", name)
	}
	return value
}

// text sets a text to a parameter, if it is given.
func (p *params) text(name string, to *string) {
	if value, ok := p.get(name); ok {
		*to = value
	}
}

// name is a text that may be left alone but not be made empty.
func (p *params) name(name string, to *string) {
	if value, ok := p.get(name); ok {
		if value == "" {
			p.fail("%s is empty", name)
		}
		*to = value
	}
}

// base64 sets a text to what a parameter holds in Base64, if it is given.
func (p *params) base64(name string, to *string) {
	value, ok := p.get(name)
	if !ok {
		return
	}
	data, ok := decodeBase64(value)
	if !ok {
		p.fail("%s is not Base64", name)
	}
	*to = string(data)
}

// integer sets a number to a parameter, if it is given.
func (p *params) integer(name string, to *int64, least, most int64) {
	value, ok := p.get(name)
	if !ok {
		return
	}
	n, err := strconv.ParseInt(value, 10, 64)
	if err != nil {
		p.fail("%s is not an integer", name)
		return
	}
	if n < least || n > most {
		p.fail("%s is not between %d and %d", name, least, most)
		return
	}
	*to = n
}

// int is integer for the numbers of groups, which are signed 32-bit integers.
func (p *params) int(name string, to *int, least, most int) {
	n := int64(*to)
	p.integer(name, &n, int64(least), int64(most))
	*to = int(n)
}

// flags is integer for an unsigned 32-bit bitmask.
func (p *params) flags(name string, to *uint32) {
	n := int64(*to)
	p.integer(name, &n, 0, math.MaxUint32)
	*to = uint32(n)
}

// change says that an update without any of its parameters is wrong.
func (p *params) change() {
	if p.given == 0 {
		p.fail("there is no parameter that changes anything")
	}
}

// expands reports whether a GET asks for a sub-resource to be expanded.
func (c *call) expands(name string) (bool, error) {
	p := &params{values: c.query}
	var n int64
	p.integer(name, &n, math.MinInt32, math.MaxInt32)
	return n == 1, p.err
}

// identifier reads a number that stands in a path. 0, which is never one, stands
// for what is none.
func identifier(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil || strconv.Itoa(n) != s {
		return 0
	}
	return n
}
