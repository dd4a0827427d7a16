package wire

import (
	"encoding"
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
	kindBool
	kindInt
	kindUint
	kindFloat
	kindText // an encoding.TextUnmarshaler
	kindStruct
	kindSlice
	kindPointer
)

// codec says how a value of one type is read.
type codec struct {
	kind kind
	typ  reflect.Type
	elem *codec // of a slice or pointer
	plan *plan  // of a struct
}

// field is one thing a plan takes from an element: an attribute, a child, the
// text, or a step on the way to deeper children.
type field struct {
	name   string
	index  []int
	codec  *codec
	path   *plan // of a step: what is taken below it
	stream bool  // an item that is emitted, not stored
}

// plan says which parts of an element go where in a struct.
type plan struct {
	attrs    []field
	children []field
	text     *field // ",chardata"
	any      *field // ",any": children that no other field takes
	rest     *field // ",any" of a map: attributes and children that no other field takes
	wantText bool
	flat     bool // the element and all in it go into a map
}

var (
	skipPlan = &plan{}
	leafPlan = &plan{wantText: true}
	flatPlan = &plan{wantText: true, flat: true}
)

var (
	textType = reflect.TypeFor[encoding.TextUnmarshaler]()
	mapType  = reflect.TypeFor[map[string]string]()
)

// plans holds what was worked out, by type and, for streams, path.
var plans struct {
	sync.RWMutex
	made map[planKey]*plan
}

type planKey struct {
	typ  reflect.Type
	path string
}

func cached(key planKey, build func() (*plan, error)) (*plan, error) {
	plans.RLock()
	p := plans.made[key]
	plans.RUnlock()
	if p != nil {
		return p, nil
	}
	p, err := build()
	if err != nil {
		return nil, err
	}
	plans.Lock()
	defer plans.Unlock()
	if plans.made == nil {
		plans.made = make(map[planKey]*plan)
	}
	plans.made[key] = p
	return p, nil
}

// planOf returns the struct that v points to and its plan.
func planOf(v any) (reflect.Value, *plan, error) {
	ptr := reflect.ValueOf(v)
	if ptr.Kind() != reflect.Pointer || ptr.IsNil() {
		return reflect.Value{}, nil, fmt.Errorf("wire: cannot decode into %T, only into a pointer to a struct that is not nil", v)
	}
	target := ptr.Elem()
	typ := target.Type()
	p, err := cached(planKey{typ: typ}, func() (*plan, error) {
		c, err := newBuilder().codec(typ, "", 0)
		if err != nil {
			return nil, fmt.Errorf("wire: cannot decode into %T: %w", v, err)
		}
		if c.kind != kindStruct {
			return nil, fmt.Errorf("wire: cannot decode into %T, only into a pointer to a struct of fields", v)
		}
		return c.plan, nil
	})
	return target, p, err
}

// streamPlan returns a plan that emits each element at path as a typ.
func streamPlan(typ reflect.Type, path string) (*plan, error) {
	return cached(planKey{typ, path}, func() (*plan, error) {
		c, err := newBuilder().codec(typ, "", 0)
		if err != nil {
			return nil, fmt.Errorf("wire: cannot decode items into %v: %w", typ, err)
		}
		steps := strings.Split(path, ">")
		if slices.Contains(steps, "") {
			return nil, fmt.Errorf("wire: bad path %q of items", path)
		}
		root := &plan{}
		root.add(steps, field{codec: c, stream: true})
		return root, nil
	})
}

// add puts f behind the steps that lead to it. The paths of fields do not lead
// through one another: the builder has seen to that.
func (p *plan) add(steps []string, f field) {
	for len(steps) > 1 {
		i := slices.IndexFunc(p.children, func(c field) bool { return c.name == steps[0] })
		if i < 0 {
			i = len(p.children)
			p.children = append(p.children, field{name: steps[0], path: &plan{}})
		}
		p, steps = p.children[i].path, steps[1:]
	}
	f.name = steps[0]
	p.children = append(p.children, f)
}

// builder makes the codecs of one type and of all below it.
type builder struct {
	made map[builtKey]*codec // so that recursive types end
}

// builtKey adds the name in an `items` tag, which changes a struct's plan.
type builtKey struct {
	typ   reflect.Type
	items string
}

func newBuilder() *builder { return &builder{made: make(map[builtKey]*codec)} }

// codec returns the codec of typ, layers being the pointers and slices that
// stand around it: more than two have no meaning in XML.
func (b *builder) codec(typ reflect.Type, items string, layers int) (*codec, error) {
	key := builtKey{typ, items}
	if c := b.made[key]; c != nil {
		return c, nil
	}
	c := &codec{typ: typ}
	if typ.Kind() != reflect.Pointer && typ.Kind() != reflect.Interface && reflect.PointerTo(typ).Implements(textType) {
		c.kind = kindText
		return c, nil
	}
	switch k := typ.Kind(); k {
	case reflect.String:
		c.kind = kindString
	case reflect.Bool:
		c.kind = kindBool
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		c.kind = kindInt
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		c.kind = kindUint
	case reflect.Float32, reflect.Float64:
		c.kind = kindFloat
	case reflect.Struct:
		c.kind, c.plan = kindStruct, &plan{}
		b.made[key] = c
		return c, b.fill(c.plan, typ, items)
	case reflect.Slice, reflect.Pointer:
		c.kind = kindSlice
		if k == reflect.Pointer {
			c.kind = kindPointer
		} else if typ.Elem().Kind() == reflect.Uint8 {
			c.kind = kindBytes
			break
		}
		if layers == 2 {
			return nil, fmt.Errorf("%v is nested too deeply", typ)
		}
		var err error
		c.elem, err = b.codec(typ.Elem(), items, layers+1)
		return c, err
	default:
		return nil, fmt.Errorf("no element or attribute fits a %v", typ)
	}
	return c, nil
}

// tagged is a field of a struct as its tag describes it.
type tagged struct {
	mode  string // "attr", "chardata", "any", or "" for a child
	steps []string
	field field
	label string // for errors
}

// fill makes p the plan of the struct type typ.
func (b *builder) fill(p *plan, typ reflect.Type, items string) error {
	found, err := b.fields(typ, nil, items, nil)
	if err != nil {
		return err
	}
	anyTaken := false
	for _, t := range found {
		f := t.field
		switch t.mode {
		case "attr":
			f.name = t.steps[0]
			p.attrs = append(p.attrs, f)
		case "chardata":
			p.text, p.wantText = &f, true
		case "any":
			if f.codec == nil {
				p.rest = &f
			} else if anyTaken = true; items != "" {
				p.add([]string{items}, f)
			} else {
				p.any = &f
			}
		default:
			p.add(t.steps, f)
		}
	}
	if items != "" && !anyTaken {
		return fmt.Errorf(`a field with an items tag needs a struct with a slice tagged ",any", which %v is not`, typ)
	}
	return nil
}

// fields appends the fields of typ, which stands at index in the struct that
// the plan is for, to found.
func (b *builder) fields(typ reflect.Type, index []int, items string, found []tagged) ([]tagged, error) {
	for i := range typ.NumField() {
		sf := typ.Field(i)
		tag := sf.Tag.Get("xml")
		if tag == "-" || sf.Name == "XMLName" || !sf.IsExported() && !sf.Anonymous {
			continue
		}
		at := append(slices.Clone(index), i)
		if inner, ok := flattened(sf); ok {
			if len(at) > maxDepth {
				return nil, fmt.Errorf("%v embeds itself", typ)
			}
			var err error
			if found, err = b.fields(inner, at, items, found); err != nil {
				return nil, err
			}
			continue
		}
		if !sf.IsExported() {
			continue
		}
		t, err := b.tagged(sf, tag)
		if err != nil {
			return nil, fmt.Errorf("field %s of %v: %w", sf.Name, typ, err)
		}
		t.field.index, t.label = at, sf.Name
		if found, err = insert(found, t); err != nil {
			return nil, fmt.Errorf("%v: %w", typ, err)
		}
	}
	return found, nil
}

// flattened returns the struct type of an embedded field whose own fields
// stand for it.
func flattened(sf reflect.StructField) (reflect.Type, bool) {
	typ := sf.Type
	if typ.Kind() == reflect.Pointer && sf.IsExported() {
		typ = typ.Elem() // one that is not exported could not be set
	}
	return typ, sf.Anonymous && typ.Kind() == reflect.Struct && !reflect.PointerTo(typ).Implements(textType)
}

// tagged reads the tags of one field.
func (b *builder) tagged(sf reflect.StructField, tag string) (tagged, error) {
	var t tagged
	name, options, _ := strings.Cut(tag, ",")
	for option := range strings.SplitSeq(options, ",") {
		switch option {
		case "", "omitempty":
		case "attr", "chardata", "any":
			if t.mode != "" {
				return t, fmt.Errorf("tag %q is both %s and %s", tag, t.mode, option)
			}
			t.mode = option
		case "cdata":
			t.mode = "chardata"
		default:
			return t, fmt.Errorf("tag %q is not supported", tag)
		}
	}
	if strings.Contains(name, " ") || name != "" && (t.mode == "chardata" || t.mode == "any") {
		return t, fmt.Errorf("tag %q is not supported", tag)
	}
	if name == "" {
		name = sf.Name
	}
	t.steps = strings.Split(name, ">")
	if t.steps[0] == "" {
		t.steps[0] = sf.Name
	}
	if slices.Contains(t.steps, "") || t.mode == "attr" && len(t.steps) > 1 {
		return t, fmt.Errorf("tag %q is not supported", tag)
	}
	if t.mode == "any" && sf.Type == mapType {
		t.steps = nil
		return t, nil
	}
	var err error
	if t.field.codec, err = b.codec(sf.Type, sf.Tag.Get("items"), 0); err != nil {
		return t, err
	}
	leaf := t.field.codec
	for leaf.elem != nil {
		leaf = leaf.elem
	}
	switch {
	case leaf.kind == kindStruct && (t.mode == "attr" || t.mode == "chardata"):
		return t, errors.New("an attribute or text does not fill a struct")
	case t.field.codec.kind == kindSlice && t.mode == "chardata":
		return t, errors.New("text does not fill a slice")
	case leaf.kind != kindStruct && sf.Tag.Get("items") != "":
		return t, errors.New("an items tag needs a struct")
	}
	if t.mode == "any" {
		t.steps = nil
	}
	return t, nil
}

// insert adds t to found by Go's rule for embedding: of two fields for the same
// thing, the less deeply embedded one counts, and two of one depth are an error.
func insert(found []tagged, t tagged) ([]tagged, error) {
	for _, old := range found {
		if !clash(old, t) {
			continue
		}
		switch d := len(old.field.index) - len(t.field.index); {
		case d < 0:
			return found, nil
		case d == 0:
			return nil, fmt.Errorf("fields %s and %s take the same", old.label, t.label)
		}
	}
	found = slices.DeleteFunc(found, func(old tagged) bool { return clash(old, t) })
	return append(found, t), nil
}

// clash tells whether a and b are for the same thing, or one leads through the
// other.
func clash(a, b tagged) bool {
	if a.mode != b.mode || (a.field.codec == nil) != (b.field.codec == nil) {
		return false
	}
	n := min(len(a.steps), len(b.steps))
	return slices.Equal(a.steps[:n], b.steps[:n])
}

// value returns f's place in the struct v, making embedded structs on the way.
func (f *field) value(v reflect.Value) reflect.Value {
	v = v.Field(f.index[0])
	for _, i := range f.index[1:] {
		if v.Kind() == reflect.Pointer {
			if v.IsNil() {
				v.Set(reflect.New(v.Type().Elem()))
			}
			v = v.Elem()
		}
		v = v.Field(i)
	}
	return v
}

// find returns the field of that name, by local name if it has a prefix, trying
// fields[*next] first: elements come in the same order again and again.
func find(fields []field, name []byte, next *int) *field {
	if i := *next; i < len(fields) && fields[i].name == string(name) {
		*next = i + 1
		return &fields[i]
	}
	name = local(name)
	for i := range fields {
		if fields[i].name == string(name) {
			*next = i + 1
			return &fields[i]
		}
	}
	return nil
}
