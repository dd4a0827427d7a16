package xmlwire

import (
	"bytes"
	"encoding"
	"encoding/binary"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
)

// kind is how a value is read, the Go kinds that are read alike being one.
type kind uint8

const (
	kindString kind = iota
	kindBytes
	kindInt
	kindScalar // another number, or a bool
	kindText   // an encoding.TextUnmarshaler
	kindStruct
	kindSlice
	kindPointer
	kindRest // the map of what no field takes
)

// codec says how a value of one type is read.
type codec struct {
	kind kind
	typ  reflect.Type
	elem *codec // of a slice or pointer
	plan *plan  // of a struct

	open    bool // the struct is being planned
	nests   bool // it may be within itself, at any depth
	targets sync.Pool
}

// plan says which parts of an element go where in a struct.
type plan struct {
	places   []place // of a struct: where in it values go, also those below steps
	attrs    []field
	children []field
	text     *field // ",chardata"
	any      *field // ",any": children that no other field takes
	rest     *field // ",any" of a map: attributes and children that no other field takes
	leads    string // the child on the way to items, which are handed on
	wantText bool
	keeps    bool // what no field takes goes into a map
	listed   bool // has a slice tagged ",any", which an items tag may limit
}

// field is one thing a plan takes from an element: an attribute, a child, the
// text, or a step on the way to deeper children.
type field struct {
	name   string
	open   string // how its tag begins, or its attribute with the space before
	head   uint64 // the first eight bytes of open, as far as it has as many;
	mask   uint64 // where it has not, the mask has no bits
	shut   string // the end tag, of a child without children
	place  int    // its number in the struct's places
	codec  *codec
	depth  int   // how deeply it is embedded
	path   *plan // of a step: what is taken below it
	stream bool  // an item that is handed on, not stored
}

// place is where in a struct a value is.
type place struct {
	index []int
	codec *codec
}

var (
	skipPlan = &plan{}
	leafPlan = &plan{wantText: true}
	flatPlan = &plan{wantText: true, keeps: true}

	textType = reflect.TypeFor[encoding.TextUnmarshaler]()
	mapType  = reflect.TypeFor[map[string]string]()
)

// program is how documents are read for values of one type, for streams at one
// path.
type program struct {
	root  *plan
	codec *codec
}

// programs holds what was worked out.
var programs = struct {
	sync.RWMutex
	made map[programKey]*program
}{made: make(map[programKey]*program)}

type programKey struct {
	typ  reflect.Type
	path string
}

// programOf returns the program for the struct type typ or, with a path, one that
// hands on a typ for each element there.
func programOf(typ reflect.Type, path string) (*program, error) {
	key := programKey{typ, path}
	programs.RLock()
	p := programs.made[key]
	programs.RUnlock()
	if p != nil {
		return p, nil
	}
	c, err := (&builder{made: make(map[builtKey]*codec)}).codec(typ, "", 0)
	switch {
	case err != nil:
	case path != "":
		p = &program{root: &plan{}, codec: c}
		err = p.root.add(path, field{codec: c, stream: true})
	case c.kind != kindStruct:
		err = errors.New("it is no struct of fields")
	default:
		p = &program{root: c.plan, codec: c}
	}
	if err != nil {
		return nil, fmt.Errorf("cannot decode into %v: %w", typ, err)
	}
	programs.Lock()
	programs.made[key] = p
	programs.Unlock()
	return p, nil
}

// builder makes the codecs of one type and of all below it.
type builder struct {
	made map[builtKey]*codec // of structs, so that recursive types end
}

// builtKey has the name in an items tag as well, which changes a struct's plan.
type builtKey struct {
	typ   reflect.Type
	items string
}

// codec returns the codec of typ, layers being the pointers and slices that
// stand around it: more than two have no meaning in XML.
func (b *builder) codec(typ reflect.Type, items string, layers int) (*codec, error) {
	key := builtKey{typ, items}
	if c := b.made[key]; c != nil {
		c.nests = c.nests || c.open
		return c, nil
	}
	c := &codec{typ: typ}
	var err error
	switch k := typ.Kind(); {
	case decodesItself(typ):
		err = errors.New("it decodes itself, which needs encoding/xml")
	case isText(typ):
		c.kind = kindText
	case k == reflect.String:
		c.kind = kindString
	case k >= reflect.Int && k <= reflect.Int64:
		c.kind = kindInt
	case k == reflect.Bool || k >= reflect.Uint && k <= reflect.Float64:
		c.kind = kindScalar
	case k == reflect.Struct:
		c.kind, c.plan = kindStruct, &plan{}
		b.made[key], c.open = c, true
		err = b.fill(c.plan, typ, nil, items)
		c.open = false
	case k == reflect.Slice && typ.Elem().Kind() == reflect.Uint8:
		c.kind = kindBytes
	case (k == reflect.Slice || k == reflect.Pointer) && layers < 2:
		c.kind = kindPointer
		if k == reflect.Slice {
			c.kind = kindSlice
		}
		c.elem, err = b.codec(typ.Elem(), items, layers+1)
	default:
		err = fmt.Errorf("no element or attribute fits a %v", typ)
	}
	return c, err
}

func isText(typ reflect.Type) bool {
	return typ.Kind() != reflect.Pointer && typ.Kind() != reflect.Interface && reflect.PointerTo(typ).Implements(textType)
}

// decodesItself asks by constant names, lest the linker keep every method there is.
func decodesItself(typ reflect.Type) bool {
	_, element := reflect.PointerTo(typ).MethodByName("UnmarshalXML")
	_, attribute := reflect.PointerTo(typ).MethodByName("UnmarshalXMLAttr")
	return element || attribute
}

// leaf returns the codec behind slices and pointers.
func (c *codec) leaf() *codec {
	for c.elem != nil {
		c = c.elem
	}
	return c
}

// fill adds the fields of typ to p. It stands at index in the struct that p is
// for, in which it is embedded unless index is empty.
func (b *builder) fill(p *plan, typ reflect.Type, index []int, items string) error {
	for i := range typ.NumField() {
		sf := typ.Field(i)
		at := append(slices.Clone(index), i)
		if sf.Tag.Get("xml") == "-" || sf.Name == "XMLName" {
			continue
		}
		inner := sf.Type
		if inner.Kind() == reflect.Pointer && sf.IsExported() { // otherwise it could not be set
			inner = inner.Elem()
		}
		var err error
		if sf.Anonymous && !sf.IsExported() && inner.Kind() == reflect.Pointer {
			err = errors.New("it is embedded by a pointer that nothing outside of its package can set")
		} else if sf.Anonymous && inner.Kind() == reflect.Struct && !isText(inner) && len(at) < maxDepth {
			err = b.fill(p, inner, at, items)
		} else if sf.IsExported() {
			err = b.take(p, sf, at, items)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", sf.Name, err)
		}
	}
	return nil
}

// take adds one field to p, as its tags say.
func (b *builder) take(p *plan, sf reflect.StructField, index []int, items string) (err error) {
	tag, only := sf.Tag.Get("xml"), sf.Tag.Get("items")
	name, options, _ := strings.Cut(tag, ",")
	mode := strings.Trim(strings.ReplaceAll(options, "omitempty", ""), ",")
	inner := mode == "any" || mode == "chardata" || mode == "cdata"
	if strings.Contains(name, " ") || inner && name != "" || !inner && mode != "" && mode != "attr" {
		return fmt.Errorf("the tag %q is not supported", tag)
	}
	if name == "" || name[0] == '>' {
		name = sf.Name + name
	}
	f := field{name: name, place: len(p.places), depth: len(index)}
	if mode == "any" && sf.Type == mapType {
		p.places = append(p.places, place{index, &codec{kind: kindRest, typ: mapType}})
		p.rest, p.keeps = &f, true
		return nil
	}
	p.listed = p.listed || mode == "any"
	if f.codec, err = b.codec(sf.Type, only, 0); err != nil {
		return err
	}
	p.places = append(p.places, place{index, f.codec})
	leaf := f.codec.leaf()
	if only != "" && (leaf.kind != kindStruct || !leaf.plan.listed) {
		return errors.New(`an items tag needs a struct with a slice tagged ",any"`)
	}
	switch mode {
	case "attr":
		if leaf.kind == kindStruct || strings.Contains(name, ">") {
			return errors.New("no attribute fits")
		}
		f.open = " " + name + `="`
		return insert(&p.attrs, f)
	case "chardata", "cdata":
		if leaf.kind == kindStruct || f.codec.kind == kindSlice || p.text != nil {
			return errors.New("the text does not fit, or fits two")
		}
		p.text, p.wantText = &f, true
		return nil
	case "any":
		if items != "" {
			return p.add(items, f)
		}
		if p.any != nil {
			return errors.New("another field takes the same")
		}
		p.any = &f
		return nil
	}
	return p.add(name, f)
}

// add puts f behind the steps of the path that leads to it.
func (p *plan) add(path string, f field) error {
	step, below, more := strings.Cut(path, ">")
	if f.name, f.open = step, "<"+step; step == "" {
		return errors.New("the path has an empty step")
	}
	if f.stream {
		p.leads = step
	}
	if !more {
		if f.codec.leaf().kind != kindStruct && !f.stream {
			f.shut = "</" + step + ">"
		}
		return insert(&p.children, f)
	}
	next := find(p.children, step)
	if next == nil {
		p.children = append(p.children, field{name: step, open: f.open, path: &plan{}}.opening())
		next = &p.children[len(p.children)-1]
	} else if next.path == nil {
		return errors.New("another field takes the same")
	}
	return next.path.add(below, f)
}

// insert adds f to the fields by Go's rule for embedding: of two of a name, the
// less deeply embedded one counts.
func insert(fields *[]field, f field) error {
	old := find(*fields, f.name)
	switch {
	case old == nil:
		*fields = append(*fields, f.opening())
	case old.path != nil || old.depth == f.depth:
		return errors.New("another field takes the same")
	case old.depth > f.depth:
		*old = f.opening()
	}
	return nil
}

// opening completes f by how its open begins.
func (f field) opening() field {
	var head, mask [8]byte
	copy(head[:], f.open)
	copy(mask[:], bytes.Repeat([]byte{0xFF}, len(f.open)))
	f.head, f.mask = binary.LittleEndian.Uint64(head[:]), binary.LittleEndian.Uint64(mask[:])
	return f
}

// find returns the field of that name.
func find(fields []field, name string) *field {
	for i := range fields {
		if fields[i].name == name {
			return &fields[i]
		}
	}
	return nil
}

// expected returns the field whose tag or attribute b begins with, if it does so
// in the usual way, and the index of the one behind. It tries fields[next] first:
// they come in the same order again and again. Comparing eight bytes at once saves a
// group chat 15 %.
func expected(b []byte, fields []field, next int) (*field, int) {
	if len(b) < 8 {
		return nil, next
	}
	head := binary.LittleEndian.Uint64(b)
	for range fields {
		if next >= len(fields) {
			next = 0
		}
		f := &fields[next]
		next++
		if (head^f.head)&f.mask != 0 {
			continue
		}
		if n := len(f.open); n < len(b) && (n <= 8 || string(b[8:n]) == f.open[8:]) {
			return f, next
		}
	}
	return nil, next
}
