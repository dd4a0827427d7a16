package main

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"iter"
	"reflect"

	"github.com/trillian-go/trillian"
	"github.com/trillian-go/trillian/internal/wire"
)

// The decoders, as the table names them.
const (
	oursStreamed    = "ours, streamed"
	oursCollected   = "ours, collected"
	oursUnsized     = "ours, collected, chunked" // no Content-Length says how much is to come
	xmlUnmarshal    = "encoding/xml Unmarshal"
	xmlDecoder      = "encoding/xml Decoder"
	tdewolff        = "tdewolff/parse"
	tdewolffInPlace = "tdewolff/parse, no reading"
	smithy          = "smithy-go"
	limit           = "limit: sweep for <"
)

// decoder hands every item of a document to yield. Each reads it the way its
// library's documentation does: from an io.Reader, but for xml.Unmarshal.
type decoder[T any] func(document []byte, yield func(T)) error

// subject is a kind of document and the decoders for it.
type subject[T any] struct {
	plural   string // "messages"
	one      string // "a message"
	document func(n int) []byte
	decoders map[string]decoder[T]

	// What the goals want: how many times the speed of encoding/xml, streamed
	// and collected, and how few allocations an item. 0: no goal.
	streamed, collected, allocs float64
}

func benchDecode(s settings, r *report) error {
	if err := benchSubject(s, r, messageSubject(), s.messages); err != nil {
		return err
	}
	if err := benchSubject(s, r, chatSubject(), s.items); err != nil {
		return err
	}
	if err := benchSubject(s, r, presenceSubject(), s.items); err != nil {
		return err
	}
	return benchSubject(s, r, userSubject(), s.items)
}

func benchSubject[T any](s settings, r *report, sub subject[T], n int) error {
	document := sub.document(n)
	if err := sub.check(document, n); err != nil {
		return err
	}
	names := []string{oursStreamed, oursCollected, oursUnsized, xmlUnmarshal, xmlDecoder, tdewolff, tdewolffInPlace, smithy, limit}
	var contenders []contender[cost]
	for _, name := range names {
		decode := sub.decoders[name]
		if name == limit {
			decode = func(document []byte, _ func(T)) error { sweep(document, func(string) {}); return nil }
		}
		contenders = append(contenders, contender[cost]{name, func() (cost, error) {
			return costOf(s.sample, n, func() error { return decode(document, func(T) {}) })
		}})
	}
	seen, err := interleave(s.rounds, contenders)
	if err != nil {
		return err
	}
	sub.add(r, seen, n, len(document))
	return nil
}

// check makes sure that all decoders come to the same values.
func (sub *subject[T]) check(document []byte, n int) error {
	var want []T
	for name, decode := range sub.decoders {
		var got []T
		if err := decode(document, func(item T) { got = append(got, item) }); err != nil {
			return fmt.Errorf("%s: %s: %w", sub.plural, name, err)
		}
		if want == nil {
			want = got
		}
		if len(got) != n {
			return fmt.Errorf("%s: %s: has %d of %d", sub.plural, name, len(got), n)
		}
		if !reflect.DeepEqual(got, want) {
			return fmt.Errorf("%s: %s: decodes to other values than another decoder", sub.plural, name)
		}
	}
	return nil
}

func (sub *subject[T]) add(r *report, seen samples[cost], n, size int) {
	perItem := float64(size) / float64(n)
	speed := func(name string) float64 { return perItem / seen.median(name, nanoseconds) * 1e3 } // MB/s
	show := func(name string) string {
		return fmt.Sprintf("%s MB/s, %s, %.2f allocs", figures(speed(name)),
			seconds(seen.median(name, nanoseconds)), seen.median(name, allocations))
	}
	faster := func(ours, theirs string) float64 { return seen.ratio(theirs, ours, nanoseconds) }
	for _, ours := range []string{oursStreamed, oursCollected, oursUnsized} {
		references := []string{xmlUnmarshal, xmlDecoder, tdewolff, tdewolffInPlace, smithy, limit}
		if ours == oursUnsized {
			references = references[:1]
		}
		var rows []row
		for _, name := range references {
			rows = append(rows, row{reference: name, theirs: show(name), ratio: times(faster(ours, name)) + " as fast"})
		}
		r.compare(fmt.Sprintf("decode %s %s, %s", thousands(int64(n)), sub.plural, ours[len("ours, "):]), show(ours), rows...)
	}
	if sub.streamed == 0 {
		return
	}
	r.atLeast("decode "+sub.plural+", streamed, against encoding/xml", sub.streamed, faster(oursStreamed, xmlUnmarshal))
	r.atLeast("decode "+sub.plural+", streamed, against tdewolff/parse", 2.2, faster(oursStreamed, tdewolff))
	r.atLeast("decode "+sub.plural+", collected, against encoding/xml", sub.collected, faster(oursCollected, xmlUnmarshal))
	r.atMost("allocations for "+sub.one, sub.allocs, seen.median(oursStreamed, allocations), "")
	p := panel{title: fmt.Sprintf("Decode %s %s", thousands(int64(n)), sub.plural), unit: "MB/s, more is better"}
	for _, name := range []string{oursStreamed, tdewolff, xmlUnmarshal, smithy} {
		p.bars = append(p.bars, bar{name, speed(name), name == oursStreamed})
	}
	r.panels = append(r.panels, p)
}

// sweep is the least that any decoder does: it finds the markup and copies out
// the texts between.
func sweep(document []byte, keep func(text string)) {
	for {
		i := bytes.IndexByte(document, '<')
		if i < 0 {
			return
		}
		if i > 1 {
			keep(string(document[:i]))
		}
		end := bytes.IndexByte(document[i:], '>')
		if end < 0 {
			return
		}
		document = document[i+end+1:]
	}
}

func streamed[T any](path string) decoder[T] {
	return func(document []byte, yield func(T)) error {
		for item, err := range wire.Items[T](bytes.NewReader(document), path) {
			if err != nil {
				return err
			}
			yield(item)
		}
		return nil
	}
}

// collected does what a List does with an answer of a length that is known.
func collected[T any](path string) decoder[T] {
	return func(document []byte, yield func(T)) error {
		items, err := wire.Collect[T](bytes.NewReader(document), path, int64(len(document)))
		each(items, yield)
		return err
	}
}

func unsized[T any](path string) decoder[T] {
	return func(document []byte, yield func(T)) error {
		items, err := wire.Collect[T](bytes.NewReader(document), path, -1)
		each(items, yield)
		return err
	}
}

func each[T any](items []T, yield func(T)) {
	for _, item := range items {
		yield(item)
	}
}

// unmarshalled decodes into a D, which stands for the whole document.
func unmarshalled[T, D any](items func(*D) []T) decoder[T] {
	return func(document []byte, yield func(T)) error {
		var d D
		if err := xml.Unmarshal(document, &d); err != nil {
			return err
		}
		each(items(&d), yield)
		return nil
	}
}

// elements decodes one element after the other with encoding/xml's Decoder,
// turning each E into a T.
func elements[T, E any](name string, turn func(*E) T) decoder[T] {
	return func(document []byte, yield func(T)) error {
		for element, err := range elementsOf[E](bytes.NewReader(document), name) {
			if err != nil {
				return err
			}
			yield(turn(element))
		}
		return nil
	}
}

// elementsOf yields each element of the name as encoding/xml decodes it.
func elementsOf[E any](r io.Reader, name string) iter.Seq2[*E, error] {
	return func(yield func(*E, error) bool) {
		d := xml.NewDecoder(r)
		for {
			token, err := d.Token()
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil {
				yield(nil, err)
				return
			}
			start, ok := token.(xml.StartElement)
			if !ok || start.Name.Local != name {
				continue
			}
			e := new(E)
			if err := d.DecodeElement(e, &start); !yield(e, err) || err != nil {
				return
			}
		}
	}
}

func same[T any](item *T) T { return *item }

// The documents, as encoding/xml decodes them.
type (
	messagesDocument struct {
		Messages []trillian.Message `xml:"messages>message"`
	}
	chatsDocument struct {
		Chats []trillian.GroupChat `xml:"groupchat"`
	}
	presencesDocument struct {
		Presences []trillian.Presence `xml:"presence"`
	}
	usersDocument struct {
		Users []xmlUser `xml:"user"`
	}
)

// xmlUser is a user for encoding/xml, which decodes into no map.
type xmlUser struct {
	Name        string     `xml:"name,attr"`
	Email       string     `xml:"email"`
	DisplayName string     `xml:"displayname"`
	Attrs       []xml.Attr `xml:",any,attr"`
	Children    []struct {
		XMLName xml.Name
		Attrs   []xml.Attr `xml:",any,attr"`
		Text    string     `xml:",chardata"`
	} `xml:",any"`
}

func (u *xmlUser) user() trillian.User {
	fields := make(map[string]string)
	for _, a := range u.Attrs {
		fields[a.Name.Local] = a.Value
	}
	for _, c := range u.Children {
		for _, a := range c.Attrs {
			fields[c.XMLName.Local+"/"+a.Name.Local] = a.Value
		}
		if c.Text != "" {
			fields[c.XMLName.Local] = c.Text
		}
	}
	return trillian.User{Name: u.Name, Email: u.Email, DisplayName: u.DisplayName, Fields: fields}
}

func messageSubject() subject[trillian.Message] {
	return subject[trillian.Message]{
		plural: "messages", one: "a message", document: messageDocument,
		decoders: map[string]decoder[trillian.Message]{
			oursStreamed:    streamed[trillian.Message]("messages>message"),
			oursCollected:   collected[trillian.Message]("messages>message"),
			oursUnsized:     unsized[trillian.Message]("messages>message"),
			xmlUnmarshal:    unmarshalled(func(d *messagesDocument) []trillian.Message { return d.Messages }),
			xmlDecoder:      elements("message", same[trillian.Message]),
			tdewolff:        lexed(lexMessages),
			tdewolffInPlace: lexedInPlace(lexMessages),
			smithy:          smithyItems([]string{"messages", "message"}, smithyMessage),
		},
		streamed: 12, collected: 9.5, allocs: 1.05,
	}
}

func chatSubject() subject[trillian.GroupChat] {
	return subject[trillian.GroupChat]{
		plural: "group chats", one: "a group chat", document: chatDocument,
		decoders: map[string]decoder[trillian.GroupChat]{
			oursStreamed:    streamed[trillian.GroupChat]("groupchat"),
			oursCollected:   collected[trillian.GroupChat]("groupchat"),
			oursUnsized:     unsized[trillian.GroupChat]("groupchat"),
			xmlUnmarshal:    unmarshalled(func(d *chatsDocument) []trillian.GroupChat { return d.Chats }),
			xmlDecoder:      elements("groupchat", same[trillian.GroupChat]),
			tdewolff:        lexed(lexChats),
			tdewolffInPlace: lexedInPlace(lexChats),
			smithy:          smithyItems([]string{"groupchat"}, smithyChat),
		},
		streamed: 15, collected: 12, allocs: 7,
	}
}

func presenceSubject() subject[trillian.Presence] {
	return subject[trillian.Presence]{
		plural: "presences", one: "a presence", document: presenceDocument,
		decoders: map[string]decoder[trillian.Presence]{
			oursStreamed:    streamed[trillian.Presence]("presence"),
			oursCollected:   collected[trillian.Presence]("presence"),
			oursUnsized:     unsized[trillian.Presence]("presence"),
			xmlUnmarshal:    unmarshalled(func(d *presencesDocument) []trillian.Presence { return d.Presences }),
			xmlDecoder:      elements("presence", same[trillian.Presence]),
			tdewolff:        lexed(lexPresences),
			tdewolffInPlace: lexedInPlace(lexPresences),
			smithy:          smithyItems([]string{"presence"}, smithyPresence),
		},
		streamed: 14, collected: 12, allocs: 3,
	}
}

func userSubject() subject[trillian.User] {
	return subject[trillian.User]{
		plural: "users", one: "a user", document: userDocument,
		decoders: map[string]decoder[trillian.User]{
			oursStreamed:  streamed[trillian.User]("user"),
			oursCollected: collected[trillian.User]("user"),
			oursUnsized:   unsized[trillian.User]("user"),
			xmlUnmarshal: unmarshalled(func(d *usersDocument) []trillian.User {
				users := make([]trillian.User, 0, len(d.Users))
				for i := range d.Users {
					users = append(users, d.Users[i].user())
				}
				return users
			}),
			xmlDecoder:      elements("user", (*xmlUser).user),
			tdewolff:        lexed(lexUsers),
			tdewolffInPlace: lexedInPlace(lexUsers),
			smithy:          smithyItems([]string{"user"}, smithyUser),
		},
	}
}
