package xmlwire

import (
	"encoding/xml"
	"errors"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCheck(t *testing.T) {
	t.Parallel()
	type recursive struct {
		Name     string       `xml:"name,attr"`
		Children []*recursive `xml:"child"`
		Parent   *recursive   `xml:"parent"`
	}
	require.NoError(t, Check(&recursive{}))
	require.Equal(t, recursive{Children: []*recursive{{Name: "a", Children: []*recursive{{Name: "b"}}}}},
		decode[recursive](t, `<response><child name="a"><child name="b"/></child></response>`))
	require.NoError(t, Check(&chatsDoc{}))
	require.NoError(t, Check(&struct{ A, B int }{}))

	type slices []slices
	for name, v := range map[string]any{
		"nil":               nil,
		"nil pointer":       (*kinds)(nil),
		"struct":            kinds{},
		"pointer to string": new(""),
		"text unmarshaler":  &timestamp{},
		"map":               &map[string]string{},
		"pointer twice":     new(&kinds{}),
		"channel":           &struct{ C chan int }{},
		"XML unmarshaler":   &struct{ X decodesXML }{},
		"function":          &struct{ F func() }{},
		"interface":         &struct{ I any }{},
		"map field":         &struct{ M map[string]string }{},
		"other map": &struct {
			M map[string]int `xml:",any"`
		}{},
		"complex":   &struct{ C complex128 }{},
		"array":     &struct{ A [2]int }{},
		"recursive": &struct{ S slices }{},
		"namespace": &struct {
			A string `xml:"urn:x a"`
		}{},
		"inner XML": &struct {
			A string `xml:",innerxml"`
		}{},
		"two modes": &struct {
			//lint:ignore SA5008 a mistake is the point
			A string `xml:"a,attr,chardata"`
		}{},
		"attribute path": &struct {
			//lint:ignore SA5008 a mistake is the point
			A string `xml:"a>b,attr"`
		}{},
		"empty step": &struct {
			A string `xml:"a>>b"`
		}{},
		"struct attribute": &struct {
			A peer `xml:"a,attr"`
		}{},
		"text slice": &struct {
			A []string `xml:",chardata"`
		}{},
		"same name": &struct {
			A string
			B string `xml:"A"`
		}{},
		"path through field": &struct {
			A string `xml:"a"`
			B string `xml:"a>b"`
		}{},
		"two any": &struct {
			A []peer `xml:",any"`
			B []peer `xml:",any"`
		}{},
		"items without any": &struct {
			A peer `xml:"a" items:"x"`
		}{},
		"embedded pointer that cannot be set": &struct {
			*peer
		}{},
		"items of a string": &struct {
			A string `xml:"a" items:"x"`
		}{},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := Check(v)
			require.ErrorContains(t, err, "cannot decode into ")
			require.Equal(t, err, Decode(strings.NewReader("<response/>"), v))
			_, ok := errors.AsType[*SyntaxError](err)
			require.False(t, ok, "a mistake of the program, not of the document")
		})
	}
	_, err := collect[chan int](strings.NewReader("<response/>"), "x")
	require.ErrorContains(t, err, "chan int")
	for _, path := range []string{"", "a>", ">a", "a>>b"} {
		_, err = collect[peer](strings.NewReader("<response/>"), path)
		require.ErrorContains(t, err, "path")
		_, err = Collect[peer](strings.NewReader("<response/>"), path, -1)
		require.ErrorContains(t, err, "path")
	}
}

type decodesXML struct{}

func (*decodesXML) UnmarshalXML(*xml.Decoder, xml.StartElement) error { return nil }

// tree is within itself, twice.
type tree struct {
	Name  string `xml:"name,attr"`
	Left  *tree  `xml:"l"`
	Right []tree `xml:"r"`
}

func TestDecodeRecursiveTypes(t *testing.T) {
	t.Parallel()
	const depth = 14
	var write func(name string, left int) string
	write = func(name string, left int) string {
		body := "<" + name + " name='" + name + strconv.Itoa(left) + "'>"
		if left > 0 {
			body += write("l", left-1) + write("r", left-1)
		}
		return body + "</" + name + ">"
	}
	var grow func(name string, left int) tree
	grow = func(name string, left int) tree {
		made := tree{Name: name + strconv.Itoa(left)}
		if left > 0 {
			made.Left, made.Right = new(grow("l", left-1)), []tree{grow("r", left-1)}
		}
		return made
	}
	body := write("response", depth)
	var got tree
	require.NoError(t, Decode(strings.NewReader(body), &got))
	require.Equal(t, grow("response", depth), got)
	p, err := programOf(reflect.TypeFor[tree](), "")
	require.NoError(t, err)
	var count func(t *target) int
	count = func(t *target) (n int) {
		if t == nil {
			return 0
		}
		for i := range t.fields {
			n += count(&t.fields[i])
		}
		return 1 + n + count(t.side)
	}
	require.Less(t, count(p.codec.take()), 10, "what is kept must not grow with the document")
}
