package xmlwire

import (
	"maps"
	"reflect"
	"slices"
	"strings"
)

// Refusal reports a <response> with a child <error>, which is not what was
// asked for, whatever else stands in it.
type Refusal struct{ Text string } // what the <error> says, which may be secret

func (e *Refusal) Error() string { return "the response is an <error>" }

// An <error> has one name in every document, and nobody knows what is in it.
const errorName = "error"

type errorElement struct {
	Text string            `xml:",chardata"`
	Rest map[string]string `xml:",any"`
}

// refuse reads an <error> and ends the decoding.
func (s *scanner) refuse(name string) {
	p, err := programOf(reflect.TypeFor[errorElement](), "")
	if err != nil {
		s.fail(err)
	}
	t := p.codec.take()
	s.value(t, name, errorName)
	said := t.v.Addr().Interface().(*errorElement)
	parts := []string{strings.TrimSpace(said.Text)}
	for _, key := range slices.Sorted(maps.Keys(said.Rest)) {
		parts = append(parts, key+": "+said.Rest[key])
	}
	s.fail(&Refusal{strings.Trim(strings.Join(parts, "; "), "; ")})
}
