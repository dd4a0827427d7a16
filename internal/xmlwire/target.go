package xmlwire

import (
	"encoding"
	"reflect"
)

// target is a value to decode into, again and again: what reflection finds in it
// is found once. Only what has a fixed place can be found so; the elements of
// slices and what pointers point to are decoded at the side and then moved. To look
// for each value anew takes twice as long for a message, four times for a presence.
type target struct {
	codec  *codec
	v      reflect.Value
	str    *string                  // v, if its kind is a string's
	text   encoding.TextUnmarshaler // v, if it is one
	rest   *leftovers               // v, if it is their map
	fields []target                 // of a struct, as its plan numbers them
	side   *target                  // of a slice or pointer
}

// take returns a zero target, to be given back with put once it is zero again.
// What failed is not given back: it may still hold some of a document.
func (c *codec) take() *target {
	if t, ok := c.targets.Get().(*target); ok {
		return t
	}
	t := bind(reflect.New(c.typ).Elem(), c)
	return &t
}

func (c *codec) put(t *target) { c.targets.Put(t) }

// bind makes v a target.
func bind(v reflect.Value, c *codec) target {
	t := target{codec: c, v: v}
	switch c.kind {
	case kindString:
		t.str = v.Addr().Convert(stringType).Interface().(*string)
	case kindText:
		t.text = v.Addr().Interface().(encoding.TextUnmarshaler)
	case kindRest:
		t.rest = &leftovers{into: v.Addr().Interface().(*map[string]string)}
	case kindStruct:
		t.fields = make([]target, len(c.plan.places))
		for i, p := range c.plan.places {
			if v, ok := p.in(v, false); ok {
				t.fields[i] = bind(v, p.codec)
			}
		}
	}
	return t
}

var stringType = reflect.TypeFor[*string]()

// field returns the target that is f's. In an embedded struct that a pointer
// leads to, it must be bound each time.
func (t *target) field(f *field) *target {
	if found := &t.fields[f.place]; found.codec != nil {
		return found
	}
	return t.bindEmbedded(f.place)
}

// bindEmbedded is apart so that field is inlined: in it, a group chat takes about 5 %
// longer.
func (t *target) bindEmbedded(place int) *target {
	p := t.codec.plan.places[place]
	v, _ := p.in(t.v, true)
	found := bind(v, p.codec)
	return &found
}

// in returns the place in the struct v. What pointers on the way point to is made
// if need be, or else there is no place.
func (p place) in(v reflect.Value, make bool) (at reflect.Value, ok bool) {
	for _, i := range p.index {
		if v.Kind() == reflect.Pointer {
			if !make {
				return v, false
			}
			if v.IsNil() {
				v.Set(reflect.New(v.Type().Elem()))
			}
			v = v.Elem()
		}
		v = v.Field(i)
	}
	return v, true
}

// begin returns where the next element of a slice, or what a pointer points to,
// is decoded. Then end moves it to its place.
func (t *target) begin() *target {
	if t.side == nil {
		t.side = t.codec.elem.take()
	}
	if t.codec.kind == kindPointer && !t.v.IsNil() {
		t.side.v.Set(t.v.Elem())
	}
	return t.side
}

func (t *target) end() {
	v := t.v
	if t.codec.kind == kindSlice {
		n := v.Len()
		if n == v.Cap() {
			v.Grow(max(n, 1))
		}
		v.SetLen(n + 1)
		v.Index(n).Set(t.side.v)
	} else {
		if v.IsNil() {
			v.Set(reflect.New(t.codec.elem.typ))
		}
		v.Elem().Set(t.side.v)
	}
	t.side.v.SetZero()
	if t.codec.elem.nests { // or there would be as many targets as elements
		t.codec.elem.put(t.side)
		t.side = nil
	}
}
