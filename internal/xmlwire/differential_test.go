package xmlwire

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
)

// The decoder must read whatever encoding/xml accepts, and into the same values,
// except for what is listed here.
//
// Refused, though encoding/xml accepts it (see refused):
//   - another root than <response>, a second root, text or CDATA outside the root
//   - an <error> below the root that no field takes
//   - <!DOCTYPE> and other declarations
//   - more than maxDepth levels
//   - U+FEFF twice, and a NUL among the first two bytes
//   - names of more than maxName bytes, references of more than maxReference, and, of
//     more than maxToken, texts that are wanted and values of attributes, wanted or not
//   - an XML declaration in which the word encoding stands without an equals sign
//     and a quoted text behind it, or of more than maxDeclaration bytes
//   - types that decode themselves by UnmarshalXML, interfaces, two ",any" fields, and
//     tags with a namespace, innerxml, comment or any,attr
//
// Different values:
//   - XMLName is left alone, and its tag names nothing
//   - Decode replaces the whole of a struct; encoding/xml leaves in it what the
//     document does not name, and appends to slices
//   - an encoding with spaces around its equals sign counts; encoding/xml overlooks it
//   - `items` and map[string]string fields are ours: they are compared with what
//     encoding/xml makes of refChat and node
//
// Accepted, though encoding/xml refuses it, so that there is nothing to compare:
// characters that XML does not allow, invalid UTF-8, references beyond Unicode,
// other encodings and XML versions, "]]>" in text, blank numbers, names with
// several colons or with letters that only later editions of XML allow.

// refused tells whether the document, which encoding/xml accepts, is one that we
// do not.
func refused(t *testing.T, body []byte) bool {
	if bytes.HasPrefix(body, []byte("\uFEFF\uFEFF")) {
		return true
	}
	declaration, _, _ := bytes.Cut(bytes.TrimSpace(bytes.TrimPrefix(body, []byte("\uFEFF"))), []byte("?>"))
	if bytes.HasPrefix(declaration, []byte("<?xml")) && len(declaration) > maxDeclaration-len("?>") {
		return true
	}
	if i := bytes.Index(declaration, []byte("encoding")); i >= 0 {
		label, equals := bytes.CutPrefix(declaration[i+len("encoding"):], []byte("="))
		if !equals || len(label) == 0 || label[0] != '"' && label[0] != '\'' || bytes.IndexByte(label[1:], label[0]) < 0 {
			return true
		}
	}
	for _, after := range bytes.Split(body, []byte("&"))[1:] {
		if end := bytes.IndexByte(after, ';'); end >= maxReference {
			return true
		}
	}
	d := xml.NewDecoder(bytes.NewReader(bytes.TrimPrefix(body, []byte("\uFEFF"))))
	depth, roots, seen := 0, 0, int64(0)
	for {
		token, err := d.Token()
		if err == io.EOF {
			return roots != 1
		}
		if err != nil {
			return true // behind what Unmarshal has looked at
		}
		raw := body[seen:]
		seen = d.InputOffset()
		switch token := token.(type) {
		case xml.StartElement:
			if depth++; depth > maxDepth {
				return true
			}
			if depth == 1 {
				if roots++; token.Name.Local != rootName {
					return true
				}
			}
			if depth == 2 && token.Name.Local == errorName {
				return true
			}
		case xml.EndElement:
			depth--
		case xml.CharData:
			if depth == 0 && (len(bytes.Trim(token, " \t\r\n")) > 0 || bytes.ContainsAny(raw[:min(len(raw), int(d.InputOffset()))], "[&")) {
				return true
			}
		case xml.Directive:
			return true
		}
	}
}

// comparison decodes a document in both ways into types that are, or are turned
// into, the same. The second result is the error of encoding/xml.
type comparison struct {
	name      string
	ours      func(r io.Reader) (any, error)
	reference func(body []byte) (any, error)
}

// compare makes a comparison of one type, or of T and R which adjust turns into
// a T.
func compare[T, R any](name string, adjust func(R) T) comparison {
	return comparison{
		name: name,
		ours: func(r io.Reader) (any, error) {
			var v T
			err := Decode(r, &v)
			return v, err
		},
		reference: func(body []byte) (any, error) {
			var v R
			err := xml.Unmarshal(body, &v)
			return adjust(v), err
		},
	}
}

func same[T any](v T) T { return v }

// What encoding/xml can make of the types that have an items tag.

type refMembers struct {
	Href  string   `xml:"href,attr"`
	Items []member `xml:"member"`
}

type refMedia struct {
	Href  string  `xml:"href,attr"`
	Items []media `xml:"media"`
}

type refMessages struct {
	Href  string    `xml:"href,attr"`
	Items []message `xml:"message"`
}

type refPeers struct {
	Href  string `xml:"href,attr"`
	Items []peer `xml:"peer"`
}

type refGroup struct {
	ID          int      `xml:"id,attr"`
	DisplayName string   `xml:"displayname"`
	Name        string   `xml:"name"`
	Parent      int      `xml:"parent"`
	Policy      int      `xml:"policy"`
	Priority    int      `xml:"priority"`
	Type        int      `xml:"type"`
	Peers       refPeers `xml:"peers"`
}

type refChat struct {
	Name             string    `xml:"name,attr"`
	DisplayName      string    `xml:"displayname"`
	Topic            string    `xml:"topic"`
	Flags            chatFlags `xml:"flags"`
	MessageTimestamp timestamp `xml:"messageTimestamp"`
	Groups           struct {
		Href  string     `xml:"href,attr"`
		Items []refGroup `xml:"group"`
	} `xml:"groups"`
	Members  refMembers  `xml:"members"`
	Media    refMedia    `xml:"media"`
	Messages refMessages `xml:"messages"`
}

type refChatsDoc struct {
	Chats []refChat `xml:"groupchat"`
}

func (doc refChatsDoc) adjust() (out chatsDoc) {
	for _, c := range doc.Chats {
		chat := groupChat{
			Name: c.Name, DisplayName: c.DisplayName, Topic: c.Topic, Flags: c.Flags, MessageTimestamp: c.MessageTimestamp,
			Groups: collection[group]{Href: c.Groups.Href}, Members: collection[member](c.Members),
			Media: collection[media](c.Media), Messages: collection[message](c.Messages),
		}
		for _, g := range c.Groups.Items {
			chat.Groups.Items = append(chat.Groups.Items, group{
				g.ID, g.DisplayName, g.Name, g.Parent, g.Policy, g.Priority, g.Type, collection[peer](g.Peers),
			})
		}
		out.Chats = append(out.Chats, chat)
	}
	return out
}

// node is any element, as encoding/xml reads it.
type node struct {
	XMLName  xml.Name
	Attrs    []xml.Attr `xml:",any,attr"`
	Children []node     `xml:",any"`
	Text     string     `xml:",chardata"`
}

type nodesDoc struct {
	Users []node `xml:"user"`
}

func (doc nodesDoc) adjust() (out usersDoc) {
	for _, n := range doc.Users {
		u := user{Fields: map[string]string{}}
		numbered := map[string]int{}
		key := func(path, name string) string {
			path = strings.TrimPrefix(path+"/"+name, "/")
			if numbered[path]++; numbered[path] > 1 {
				return fmt.Sprintf("%s[%d]", path, numbered[path])
			}
			return path
		}
		var flatten func(n node, path string)
		flatten = func(n node, path string) {
			leaf := len(n.Children) == 0
			for _, a := range n.Attrs {
				if a.Name.Space == "xmlns" || a.Name == (xml.Name{Local: "xmlns"}) {
					continue
				}
				leaf = false
				u.Fields[key(path, a.Name.Local)] = a.Value
			}
			for _, c := range n.Children {
				flatten(c, key(path, c.XMLName.Local))
			}
			if leaf {
				u.Fields[path] = n.Text
			} else if text := strings.TrimSpace(n.Text); text != "" {
				u.Fields[path] = text
			}
		}
		rest := node{}
		for _, a := range n.Attrs {
			if a.Name.Local == "name" {
				u.Name = a.Value
			} else {
				rest.Attrs = append(rest.Attrs, a)
			}
		}
		for _, c := range n.Children {
			switch c.XMLName.Local {
			case "email":
				u.Email = c.Text
			case "displayname":
				u.DisplayName = c.Text
			default:
				rest.Children = append(rest.Children, c)
			}
		}
		flatten(rest, "")
		delete(u.Fields, "") // the user itself
		if len(u.Fields) == 0 {
			u.Fields = nil
		}
		out.Users = append(out.Users, u)
	}
	return out
}

func (k kinds) adjust() kinds {
	k.XMLName = xml.Name{}
	if math.IsNaN(k.F) {
		k.F = -1
	}
	if math.IsNaN(float64(k.F32)) {
		k.F32 = -1
	}
	return k
}

// anything has the tags that the package's own types do not.
type anything struct {
	A     string               `xml:"a,attr"`
	Any   []collection[member] `xml:",any"`
	Text  []byte               `xml:",chardata"`
	Named string               `xml:"named"`
	Path  []string             `xml:"path>to>it"`
	Attrs []int                `xml:"n,attr"`
}

var comparisons = []comparison{
	compare("messages", same[messagesDoc]),
	compare("presences", same[presencesDoc]),
	compare("chats", refChatsDoc.adjust),
	compare("users", nodesDoc.adjust),
	compare("kinds", kinds.adjust),
	compare("anything", same[anything]),
	compare("others", same[struct {
		Conversations []conversation `xml:"messages"`
		Policies      []policy       `xml:"policy"`
		Media         []media        `xml:"media"`
		Members       refMembers     `xml:"members"`
	}]),
}

func checkDifferences(t *testing.T, body []byte) {
	skip := -1 // not known
	for _, c := range comparisons {
		want, err := c.reference(body)
		if err != nil {
			_, _ = c.ours(bytes.NewReader(body)) // must not panic
			continue
		}
		if skip < 0 {
			skip = 0
			if refused(t, body) {
				skip = 1
			}
		}
		if skip == 1 {
			_, _ = c.ours(bytes.NewReader(body))
			continue
		}
		got, err := c.ours(bytes.NewReader(body))
		require.NoError(t, err, "%s: %q", c.name, body)
		if k, ok := got.(kinds); ok {
			got = k.adjust()
		}
		require.Equal(t, want, got, "%s: %q", c.name, body)
	}
	var doc messagesDoc
	whole := Decode(bytes.NewReader(body), &doc)
	items, err := collect[message](iotest.OneByteReader(bytes.NewReader(body)), "messages>message")
	require.Equal(t, whole == nil, err == nil, "%v: %q", err, body)
	if err == nil {
		require.Equal(t, doc.Messages, items, "%q", body)
	}
}

// seeds are the samples and every hostile body that is not merely large.
func seeds(tb testing.TB) (bodies []string) {
	for _, body := range samples {
		bodies = append(bodies, body)
	}
	for _, h := range hostiles() {
		if len(h.body) < 10_000 {
			bodies = append(bodies, h.body)
		}
	}
	files, err := filepath.Glob("../../testdata/*.xml")
	require.NoError(tb, err)
	for _, file := range files {
		body, err := os.ReadFile(file)
		require.NoError(tb, err)
		bodies = append(bodies, string(body))
	}
	return append(bodies,
		`<response ea="1" a="x" n="1" n="2">text<named/><other href="h">x<m name="n"><flags>1</flags></m></other><path><to><it>1</it><it/></to></path>more</response>`,
		`<response><s> text </s><b>bytes</b><t>true</t><i>-12</i><i8>127</i8><u>7</u><f>1.5</f><pi>9</pi><ss>x</ss><list><si>1</si></list><TS>1464200972389</TS><pe>p</pe></response>`,
		`<x:response xmlns:x="u" xmlns="d"><x:user x:name="n" name="m"><x:a x:b="c">d</x:a></x:user></x:response>`,
		string(messageCorpus(3)), string(chatCorpus(2)), string(presenceCorpus(2)), string(userCorpus(2)),
	)
}

func TestDifferences(t *testing.T) {
	t.Parallel()
	for i, body := range seeds(t) {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			checkDifferences(t, []byte(body))
		})
	}
}

// TestDirectedDifferences does for random directions what FuzzDifferential does.
func TestDirectedDifferences(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 2))
	accepted := 0
	for range 1000 {
		data := make([]byte, 20+rng.IntN(300))
		for i := range data {
			data[i] = byte(rng.Uint32())
		}
		body := wellFormed(data)
		checkDifferences(t, body)
		var doc messagesDoc
		if xml.Unmarshal(body, &doc) == nil && !refused(t, body) {
			accepted++
		}
	}
	require.Greater(t, accepted, 300, "or else there is little to compare")
}

// FuzzDifferential compares the bytes as they are, and a well-formed document
// that they are taken to be directions for: random bytes are rarely well-formed.
func FuzzDifferential(f *testing.F) {
	for _, body := range seeds(f) {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		checkDifferences(t, data)
		checkDifferences(t, wellFormed(data))
	})
}

// names and values are what the types of the comparisons know, and what they
// do not.
var (
	names = strings.Fields(`message messages groupchat groups group members member media presence devices device user
		policy week flags name displayname topic messageTimestamp timestamp from status ip platform version build id m
		createdAt size owner type data parent peers peer priority href email conversation medium revision year
		error s b t i i8 i64 u u16 f f32 pi ps pp ss sb list si sp deep deeper TS PT e ea pe a n named path to it unknown x:name xmlns`)
	values = []string{
		"", " ", "0", "1", "-1", " 7 ", "300", "1464200972389", "1e5", "true", "text", "two words", "日本語", "😀", "é",
		"&lt;", "&amp;amp;", "&#65;", "&#x1F600;", "&#13;", "a\r\nb\rc", "192.168.1.138", "2315364544", "aGVsbG8=", strings.Repeat("long ", 30),
	}
)

// wellFormed writes the document that data directs.
func wellFormed(data []byte) []byte {
	var w bytes.Buffer
	pick := func(from []string) string {
		if len(data) == 0 {
			return from[0]
		}
		c := data[0]
		data = data[1:]
		return from[int(c)%len(from)]
	}
	attributes := func() {
		for range len(pick([]string{"", "", "1", "12", "123"})) {
			fmt.Fprintf(&w, "%[1]s%[2]s%[3]s=%[3]s%[4]s%[5]s%[4]s", pick([]string{" ", " ", " ", "\n\t"}), pick(names), pick([]string{"", "", "", " "}),
				pick([]string{`"`, `"`, `"`, "'"}), pick(values))
		}
	}
	open := []string{rootName}
	w.WriteString(pick([]string{"", "", "<?xml version='1.0' encoding='utf-8'?>", "<!-- c -->\n", "\uFEFF"}) + "<" + rootName)
	attributes()
	w.WriteString(">")
	for len(data) > 0 {
		switch pick([]string{"open", "open", "leaf", "leaf", "text", "empty", "shut", "shut", "cdata", "comment", "instruction"}) {
		case "open":
			name := pick(names)
			open = append(open, name)
			w.WriteString("<" + name)
			attributes()
			w.WriteString(">")
		case "leaf":
			name := pick(names)
			w.WriteString("<" + name + ">" + pick(values) + "</" + name + ">")
		case "text":
			w.WriteString(pick(values))
		case "empty":
			w.WriteString("<" + pick(names))
			attributes()
			w.WriteString("/>")
		case "shut":
			if n := len(open) - 1; n > 0 {
				w.WriteString("</" + open[n] + pick([]string{"", "", "", " "}) + ">")
				open = open[:n]
			}
		case "cdata":
			w.WriteString("<![CDATA[" + pick(append(values, "]", "<b>", "]]&")) + "]]>")
		case "comment":
			w.WriteString("<!-- " + pick(values) + " -->")
		case "instruction":
			w.WriteString("<?x " + pick(values) + "?>")
		}
	}
	for n := len(open) - 1; n >= 0; n-- {
		w.WriteString("</" + open[n] + ">")
	}
	return w.Bytes()
}
