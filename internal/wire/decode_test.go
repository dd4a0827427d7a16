package wire

import (
	"encoding/xml"
	"errors"
	"io"
	"math"
	"net/netip"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

// samples are answers as the server's reference shows them.
var samples = map[string]string{
	"groupchats":    `<response> <groupchat name="#e777@cerulean-inc.com"> <displayname>General</displayname><flags>7936</flags><groups href="https://api.trillian.im/v1/groupchats/.../groups/"/><media href="https://api.trillian.im/v1/groupchats/...media/"/><members href="https://api.trillian.im/v1/groupchats/.../members/"/><messageTimestamp>0</messageTimestamp><messages href="https://api.trillian.im/v1/groupchats/.../messages/"/><topic>Welcome to Cerulean HQ!</topic></groupchat><groupchat name="#68f0@cerulean-inc.com"> <displayname>Development</displayname><flags>256</flags><topic/></groupchat></response>`,
	"members":       `<response> <members href="https://api.trillian.im/v1/groupchats/.../members/"> <member name="smw@cerulean-inc.com"> <flags>1</flags></member><member name="kwk@cerulean-inc.com"> <flags>3</flags></member></members></response>`,
	"messages":      `<response> <messages> <message timestamp="1464200972389" from="smw@cerulean-inc.com">This is a test of our new group chat.</message><message timestamp="1464200982855" from="kwk@cerulean-inc.com">Looks like it's working.</message><message timestamp="1464200982855" from="smw@cerulean-inc.com">Great - have a lovely day!</message></messages></response>`,
	"conversations": `<response> <messages conversation="c798" medium="astra" name="#5b8f@cerulean-inc.com" revision="3"> <week flags="2" href="https://api.trillian.im/v1/groupchats/.../messages/c798/2016/20/" messages="3" week="20" year="2016"/></messages></response>`,
	"media":         `<response> <media m="oaoE1007PaKuresDf88IEcxJ6xsFWS/SuLWP/kzzIjs="> <createdAt>1464196567</createdAt><expiresAt>0</expiresAt><size>6</size><owner>#5b8f@cerulean-inc.com</owner><type>text/plain</type><name>Sales Goals.txt</name><thumbnail>CdKtFMRi=</thumbnail><data>15CtxdA8=</data></media></response>`,
	"group":         `<response> <group id="4"> <displayname>Development</displayname><name>f7ff</name><parent>0</parent><peers href="https://api.trillian.im/v1/groups/4/peers/"> <peer id="1"/><peer id="2"/></peers><policy>1</policy><priority>0</priority><type>0</type></group></response>`,
	"policy":        `<response> <policy id="3"> <data> dHJpbGxpYW4uaGlzdG9yeS5jbG91ZCAxCg== </data><name>Marketing</name></policy></response>`,
	"presence":      `<response> <presence name="smw@cerulean-inc.com" status="2" message="Away since 10:49 AM EDT" timestamp="1464274162"> <devices> <device ip="2315364544" name="BONECRUSHER.D899F043" platform="Windows" version="6.0" build="50"/></devices></presence></response>`,
	"user":          `<response><user name="smw" id="7"><email>smw@cerulean-inc.com</email><phone>1</phone><groups href="x"><group id="2"/><group id="3"/></groups></user></response>`,
}

// decode reads body into a new T.
func decode[T any](t *testing.T, body string) T {
	t.Helper()
	var v T
	require.NoError(t, Decode(strings.NewReader(body), &v))
	return v
}

// collect drains Items.
func collect[T any](r io.Reader, path string) (items []T, err error) {
	for item, err := range Items[T](r, path) {
		if err != nil {
			return items, err
		}
		items = append(items, item)
	}
	return items, nil
}

func TestDecodeSamples(t *testing.T) {
	t.Parallel()

	chats := decode[chatsDoc](t, samples["groupchats"]).Chats
	require.Len(t, chats, 2)
	require.Equal(t, groupChat{
		Name: "#e777@cerulean-inc.com", DisplayName: "General", Topic: "Welcome to Cerulean HQ!", Flags: 7936,
		Groups:   collection[group]{Href: "https://api.trillian.im/v1/groupchats/.../groups/"},
		Members:  collection[member]{Href: "https://api.trillian.im/v1/groupchats/.../members/"},
		Media:    collection[media]{Href: "https://api.trillian.im/v1/groupchats/...media/"},
		Messages: collection[message]{Href: "https://api.trillian.im/v1/groupchats/.../messages/"},
	}, chats[0])
	require.Equal(t, groupChat{Name: "#68f0@cerulean-inc.com", DisplayName: "Development", Flags: 256}, chats[1])

	messages := decode[messagesDoc](t, samples["messages"]).Messages
	require.Len(t, messages, 3)
	require.Equal(t, message{
		Timestamp: timestamp{time.UnixMilli(1464200972389).UTC()},
		From:      "smw@cerulean-inc.com", Text: "This is a test of our new group chat.",
	}, messages[0])

	g := decode[struct {
		Group group `xml:"group"`
	}](t, samples["group"]).Group
	require.Equal(t, []peer{{1}, {2}}, g.Peers.Items)
	require.Equal(t, 4, g.ID)

	p := decode[struct {
		Policy *policy `xml:"policy"`
	}](t, samples["policy"]).Policy
	require.Equal(t, policyData("trillian.history.cloud 1\n"), p.Data)

	online := decode[presencesDoc](t, samples["presence"]).Presences
	require.Equal(t, []device{{
		IP: deviceIP{netip.MustParseAddr("192.168.1.138")}, Name: "BONECRUSHER.D899F043", Platform: "Windows", Version: "6.0", Build: "50",
	}}, online[0].Devices)
	require.Equal(t, 2, online[0].Status)

	history := decode[struct {
		Conversations []conversation `xml:"messages"`
	}](t, samples["conversations"]).Conversations
	require.Equal(t, []conversation{{
		ID: "c798", Medium: "astra", Name: "#5b8f@cerulean-inc.com", Revision: 3,
		Weeks: []week{{2016, 20, 3, 2, "https://api.trillian.im/v1/groupchats/.../messages/c798/2016/20/"}},
	}}, history)

	members := decode[struct {
		Members collection[member] `xml:"members" items:"member"`
	}](t, samples["members"]).Members
	require.Equal(t, []member{{"smw@cerulean-inc.com", 1}, {"kwk@cerulean-inc.com", 3}}, members.Items)
}

// kinds has a field of everything that can be decoded.
type kinds struct {
	S    string   `xml:"s"`
	B    []byte   `xml:"b"`
	T    bool     `xml:"t"`
	I    int      `xml:"i"`
	I8   int8     `xml:"i8"`
	I64  int64    `xml:"i64"`
	U    uint     `xml:"u"`
	U16  uint16   `xml:"u16"`
	F    float64  `xml:"f"`
	F32  float32  `xml:"f32"`
	PI   *int     `xml:"pi"`
	PS   *string  `xml:"ps"`
	PP   *peer    `xml:"pp"`
	SS   []string `xml:"ss"`
	SB   [][]byte `xml:"sb"`
	SI   []int    `xml:"list>si"`
	SP   []*peer  `xml:"list>sp"`
	Deep string   `xml:"list>deep>deeper"`
	TS   []timestamp
	PT   *timestamp
	Skip string `xml:"-"`
	embedded
	*Embedded
	XMLName xml.Name
	hidden  string
}

type embedded struct {
	E  string `xml:"e"`
	EA string `xml:"ea,attr"`
	S  int    `xml:"s"` // hidden by kinds.S
}

type Embedded struct {
	PE string `xml:"pe"`
}

func TestDecodeKinds(t *testing.T) {
	t.Parallel()
	got := decode[kinds](t, `<response ea="attribute"><s> text </s><b>bytes</b><t> true </t><i>-12</i><i8>127</i8><i64>-9223372036854775808</i64>
		<u> 7 </u><u16>65535</u16><f>1.5e3</f><f32>.25</f32><pi>9</pi><ps></ps><pp id="3"/><ss>one</ss><ss/><sb>x</sb><sb/>
		<list><si>1</si><sp id="1"/><deep><deeper>down</deeper><si>no</si></deep><si>2</si></list><list><si>3</si></list><sp id="9"/>
		<TS>1464200972389</TS><TS>0</TS><PT>1464196567</PT><Skip>no</Skip><e>embedded</e><pe>pointer</pe><hidden>no</hidden><XMLName>no</XMLName></response>`)
	require.Equal(t, kinds{
		S: " text ", B: []byte("bytes"), T: true, I: -12, I8: 127, I64: -9223372036854775808, U: 7, U16: 65535, F: 1500, F32: .25,
		PI: new(9), PS: new(""), PP: &peer{3}, SS: []string{"one", ""}, SB: [][]byte{[]byte("x"), {}},
		SI: []int{1, 2, 3}, SP: []*peer{{1}}, Deep: "down",
		TS: []timestamp{{time.UnixMilli(1464200972389).UTC()}, {}}, PT: &timestamp{time.Unix(1464196567, 0).UTC()},
		embedded: embedded{E: "embedded", EA: "attribute"}, Embedded: &Embedded{PE: "pointer"},
	}, got)
	require.Empty(t, got.hidden)
}

func TestDecodeShadowing(t *testing.T) {
	t.Parallel()
	type outer struct {
		embedded
		E int `xml:"e"`
	}
	require.Equal(t, outer{embedded: embedded{EA: "x", S: 2}, E: 1}, decode[outer](t, `<response ea="x"><e>1</e><s>2</s></response>`))
}

// TestDecodeDepth nests what the plan knows, which is read in another way.
func TestDecodeDepth(t *testing.T) {
	t.Parallel()
	type nested struct {
		Inner *nested `xml:"n"`
		Leaf  string  `xml:"leaf"`
	}
	body := func(depth int) io.Reader {
		return strings.NewReader("<response>" + strings.Repeat("<n>", depth-2) + "<leaf>x</leaf>" + strings.Repeat("</n>", depth-2) + "</response>")
	}
	require.NoError(t, Decode(body(maxDepth), &nested{}))
	require.ErrorContains(t, Decode(body(maxDepth+1), &nested{}), "too deeply")
}

func TestDecodeEmptyValues(t *testing.T) {
	t.Parallel()
	got := decode[kinds](t, `<response><s/><b/><t/><i> </i><i8></i8><u/><f/><pi/><PT/></response>`)
	require.Equal(t, kinds{B: []byte{}, PI: new(0), PT: &timestamp{}}, got)
}

func TestDecodeLastDuplicateWins(t *testing.T) {
	t.Parallel()
	got := decode[kinds](t, `<response ea="1" ea="2"><s>1</s><i>1</i><s>2</s><i/></response>`)
	require.Equal(t, kinds{S: "2", embedded: embedded{EA: "2"}}, got)
}

func TestDecodeText(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ body, want string }{
		"plain":               {"hello", "hello"},
		"white space":         {" \t\n hello\n", " \t\n hello\n"},
		"entities":            {"&lt;&gt;&amp;&apos;&quot;", `<>&'"`},
		"no second round":     {"&amp;lt;", "&lt;"},
		"decimal":             {"&#65;&#0128512;", "A😀"},
		"hexadecimal":         {"&#x41;&#x1f600;&#x1F600;", "A😀😀"},
		"carriage return":     {"a\r\nb\rc\r\r\nd", "a\nb\nc\n\nd"},
		"escaped return":      {"a&#13;\nb", "a\r\nb"},
		"CDATA":               {"a<![CDATA[<b>&amp;]]&]]>c", "a<b>&amp;]]&c"},
		"CDATA brackets":      {"<![CDATA[]]]]]><![CDATA[]]>", "]]]"},
		"comment":             {"a<!-- <b>-&lt; -->c", "ac"},
		"instruction":         {"a<?php echo '>' ?>c", "ac"},
		"child":               {"a<b>no<c>no</c></b>c<d/>d", "acd"},
		"quotes":              {`"it's"`, `"it's"`},
		"brackets":            {"a]]>b]", "a]]>b]"},
		"Chinese":             {"你好，世界！これはテストです。한국어", "你好，世界！これはテストです。한국어"},
		"mixed":               {"héllo wörld — naïve 😀 ok ÿ€", "héllo wörld — naïve 😀 ok ÿ€"},
		"control":             {"a\x00b\x01\x1Fc\x7F", "a\uFFFDb\uFFFD\uFFFDc\x7F"},
		"control reference":   {"a&#0;&#8;&#xB;b", "a\uFFFD\uFFFD\uFFFDb"},
		"surrogate reference": {"&#xD83D;&#xDE00;", "\uFFFD\uFFFD"},
		"beyond Unicode":      {"&#x110000;&#99999999999999999999;", "\uFFFD\uFFFD"},
		"invalid UTF-8":       {"a\xFFb\xC0\x80c\xE4\xBD", "a\uFFFDb\uFFFD\uFFFDc\uFFFD\uFFFD"},
		"surrogate bytes":     {"\xED\xA0\x80", "\uFFFD\uFFFD\uFFFD"},
		"overlong":            {"\xE0\x80\xAF\xF0\x80\x80\xAF", "\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD"},
		"not a character":     {"a\uFFFEb\uFFFFc\uFFFDd", "a\uFFFDb\uFFFDc\uFFFDd"},
		"cut off":             {"你\xE5\xA5", "你\uFFFD\uFFFD"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			// At every place in the window, in words of eight bytes and at its end.
			for _, before := range []string{"", "1", "12", "123", "1234", "12345", "123456", "1234567"} {
				body := "<response><s>" + before + tc.body + "</s></response>"
				require.Equal(t, before+tc.want, decode[kinds](t, body).S)
				var v kinds
				require.NoError(t, Decode(iotest.OneByteReader(strings.NewReader(body)), &v))
				require.Equal(t, before+tc.want, v.S)
			}
			if strings.ContainsAny(tc.body, "<") {
				return
			}
			for _, quote := range []string{`"`, `'`} {
				if strings.Contains(tc.body, quote) {
					continue
				}
				body := "<response ea = " + quote + tc.body + quote + "/>"
				require.Equal(t, tc.want, decode[kinds](t, body).EA)
			}
		})
	}
}

// TestPlainCharacters asks plain about every character, nearly, and about every
// pair of bytes that begins a wrong one.
func TestPlainCharacters(t *testing.T) {
	t.Parallel()
	var text []byte
	check := func(b []byte) {
		r, size := utf8.DecodeRune(b)
		want := 0
		if size > 1 || r != utf8.RuneError { // otherwise all of b goes in
			b = b[:size]
			if allowed(r) && r != '&' && r != '<' && r != '\r' {
				want = size
			}
		}
		for _, before := range []string{"", "你", "x😀"} {
			for _, after := range []string{"<", "<1234567"} {
				text = append(append(append(text[:0], before...), b...), after...)
				if got := plain(text, '<'); got != len(before)+want {
					require.Equal(t, len(before)+want, got, "% x after %q", b, before)
				}
			}
		}
	}
	for r := rune(0); r <= utf8.MaxRune; r++ {
		check(utf8.AppendRune(nil, r))
		if r > 0x10FFF {
			r += 100 // these differ little
		}
	}
	check(utf8.AppendRune(nil, utf8.MaxRune))
	for _, third := range []byte{0x7F, 0x80, 0xBF} {
		for n := range 1 << 16 {
			check([]byte{byte(n >> 8), byte(n), third, 0xBF})
		}
	}
}

func TestDecodeAcrossTheWindow(t *testing.T) {
	t.Parallel()
	for _, filler := range []string{"x", "é", "你", "😀", "&amp;", "\r\n", "\x01", "\xFF"} {
		text := strings.Repeat(filler, 3*bufferSize)
		want := strings.NewReplacer("&amp;", "&", "\r\n", "\n", "\x01", "\uFFFD", "\xFF", "\uFFFD").Replace(text)
		for _, before := range []string{"", "1", "12", "123"} {
			body := "<response ea='" + before + text + "'><s>" + before + text + "</s><e>" + before + "<![CDATA[" + strings.Repeat("x]", bufferSize) + "]]></e></response>"
			got := decode[kinds](t, body)
			require.True(t, got.S == before+want, "text of %q", filler)
			require.True(t, got.EA == before+want, "attribute of %q", filler)
			require.True(t, got.E == before+strings.Repeat("x]", bufferSize))
		}
	}
}

func TestDecodeNamespaces(t *testing.T) {
	t.Parallel()
	got := decode[kinds](t, `<t:response xmlns:t="urn:t" xmlns="urn:d" t:ea="1"><t:s>text</t:s><i>1</i></t:response>`)
	require.Equal(t, kinds{S: "text", I: 1, embedded: embedded{EA: "1"}}, got)
}

func TestDecodeEncodings(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ body, want string }{
		"none":                   {"<response><s>é</s></response>", "é"},
		"mark":                   {"\uFEFF<response><s>é</s></response>", "é"},
		"mark and declaration":   {"\uFEFF<?xml version='1.0' encoding='UTF-8'?><response><s>é</s></response>", "é"},
		"space before":           {"\r\n <?xml version='1.0'?>\n<response><s>é</s></response>", "é"},
		"UTF-8":                  {"<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?><response><s>é</s></response>", "é"},
		"utf8":                   {"<?xml version='1.0' encoding='utf8'?><response><s>é</s></response>", "é"},
		"us-ascii":               {"<?xml version='1.0' encoding='US-ASCII'?><response><s>e</s></response>", "e"},
		"ISO-8859-1":             {"<?xml version='1.0' encoding='ISO-8859-1'?><response><s>caf\xE9 \x85</s></response>", "café \u0085"},
		"latin1":                 {"<?xml version='1.0' encoding = 'latin1' ?><response><s>\xFF</s></response>", "ÿ"},
		"windows-1252":           {"<?xml version='1.0' encoding='Windows-1252'?><response><s>\x80 \x93x\x94 \xE9 \x81</s></response>", "€ “x” é \uFFFD"},
		"mark beats declaration": {"\uFEFF<?xml version='1.0' encoding='ISO-8859-1'?><response><s>é</s></response>", "é"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, tc.want, decode[kinds](t, tc.body).S)
			var v kinds
			require.NoError(t, Decode(iotest.OneByteReader(strings.NewReader(tc.body)), &v))
			require.Equal(t, tc.want, v.S)
		})
	}
	long := strings.Repeat("\xE9", 2*bufferSize)
	require.Equal(t, strings.Repeat("é", 2*bufferSize), decode[kinds](t, "<?xml version='1.0' encoding='latin1'?><response><s>"+long+"</s></response>").S)
}

func TestDecodeLongDeclaration(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]string{maxDeclaration: "", maxDeclaration + 1: "too long", 2 * bufferSize: "too long"} {
		open, shut := "<?xml version='1.0'", "encoding='latin1'?>"
		body := open + strings.Repeat(" ", n-len(open)-len(shut)) + shut + "<response><s>\xE9</s></response>"
		for _, r := range []io.Reader{strings.NewReader(body), iotest.OneByteReader(strings.NewReader(body))} {
			var doc struct {
				S string `xml:"s"`
			}
			err := Decode(r, &doc)
			if want == "" {
				require.NoError(t, err)
				require.Equal(t, "é", doc.S)
			} else {
				require.ErrorContains(t, err, want, n)
			}
		}
	}
}

func TestDecodeItemsTag(t *testing.T) {
	t.Parallel()
	body := `<response><members href="x"><member name="a"/><stranger name="b"/><member name="c"/></members></response>`
	require.Equal(t, collection[member]{"x", []member{{Name: "a"}, {Name: "c"}}}, decode[struct {
		Members collection[member] `xml:"members" items:"member"`
	}](t, body).Members)
	require.Equal(t, collection[member]{"x", []member{{Name: "a"}, {Name: "b"}, {Name: "c"}}}, decode[struct {
		Members collection[member] `xml:"members"`
	}](t, body).Members)
	require.Equal(t, []*collection[member]{{"x", []member{{Name: "a"}, {Name: "c"}}}}, decode[struct {
		Members []*collection[member] `xml:"members" items:"member"`
	}](t, body).Members)
}

func TestDecodeLeftovers(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		body string
		want map[string]string
	}{
		"nothing":          {`<user name="x"><email>e</email></user>`, nil},
		"attribute":        {`<user id="7"/>`, map[string]string{"id": "7"}},
		"child":            {`<user><phone>1</phone><fax/></user>`, map[string]string{"phone": "1", "fax": ""}},
		"white space":      {`<user> <phone> 1 </phone> <fax> </fax> </user>`, map[string]string{"phone": " 1 ", "fax": " "}},
		"nested":           {`<user><groups href="x"><group id="2"/><group id="3"/></groups></user>`, map[string]string{"groups/href": "x", "groups/group/id": "2", "groups/group[2]/id": "3"}},
		"repeated":         {`<user><phone>1</phone><phone>2</phone><phone/></user>`, map[string]string{"phone": "1", "phone[2]": "2", "phone[3]": ""}},
		"repeated parents": {`<user><a><b>1</b></a><a><b>2</b><b>3</b></a></user>`, map[string]string{"a/b": "1", "a[2]/b": "2", "a[2]/b[2]": "3"}},
		"attribute, child": {`<user id="1"><id>2</id><id x="3">4</id></user>`, map[string]string{"id": "1", "id[2]": "2", "id[3]/x": "3", "id[3]": "4"}},
		"mixed":            {`<user><bio lang="en"> I <b>am</b> here </bio></user>`, map[string]string{"bio": "I  here", "bio/lang": "en", "bio/b": "am"}},
		"leaf then parent": {`<user><a>1</a><a><b/></a><a/></user>`, map[string]string{"a": "1", "a[2]/b": "", "a[3]": ""}},
		"taken by kind":    {`<user email="e"><name>n</name></user>`, map[string]string{"email": "e", "name": "n"}},
		"namespaces":       {`<user xmlns="u" xmlns:x="v" x:id="1"><x:phone xmlns:y="w">2</x:phone></user>`, map[string]string{"id": "1", "phone": "2"}},
		"entities, CDATA":  {`<user><a b="&lt;"><![CDATA[<]]>&gt;</a></user>`, map[string]string{"a/b": "<", "a": "<>"}},
		"same in sequence": {`<user a="1" a="2"/>`, map[string]string{"a": "1", "a[2]": "2"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			body := "<response>" + tc.body + tc.body + "</response>"
			users := decode[usersDoc](t, body).Users
			require.Len(t, users, 2)
			require.Equal(t, tc.want, users[0].Fields)
			require.Equal(t, users[0], users[1])
			items, err := collect[user](strings.NewReader(body), "user")
			require.NoError(t, err)
			require.Equal(t, users, items)
		})
	}
	type family struct {
		Name     string            `xml:"name,attr"`
		Children []user            `xml:"user"`
		Fields   map[string]string `xml:",any"`
	}
	require.Equal(t, family{
		Name: "x", Children: []user{{Fields: map[string]string{"a": "1"}}}, Fields: map[string]string{"a": "2", "b/c": "3"},
	}, decode[family](t, `<response name="x"><user a="1"/><a>2</a><b c="3"/></response>`))
}

func TestDecodeReplacesOrLeavesAlone(t *testing.T) {
	t.Parallel()
	old := kinds{S: "old", SS: []string{"old"}, PI: new(1)}
	v := old
	require.Error(t, Decode(strings.NewReader("<response><s>new</s><ss>new</ss><pi>2</pi><i>x</i></response>"), &v))
	require.Equal(t, kinds{S: "old", SS: []string{"old"}, PI: new(1)}, v)
	require.NoError(t, Decode(strings.NewReader("<response><ss>new</ss></response>"), &v))
	require.Equal(t, kinds{SS: []string{"new"}}, v)
	require.Equal(t, kinds{S: "old", SS: []string{"old"}, PI: new(1)}, old)
	v = kinds{}
	require.Error(t, Decode(strings.NewReader("<response><s>new</s><ss>new</ss>"), &v))
	require.Equal(t, kinds{}, v)
}

func TestDecodeReadsToTheEnd(t *testing.T) {
	t.Parallel()
	r := strings.NewReader("<response/>" + strings.Repeat(" ", 5*bufferSize) + "<!-- done -->\n")
	require.NoError(t, Decode(r, &kinds{}))
	require.Zero(t, r.Len())
	r = strings.NewReader("<response/>" + strings.Repeat(" ", 5*bufferSize))
	_, err := collect[peer](r, "peer")
	require.NoError(t, err)
	require.Zero(t, r.Len())
}

func TestDecodeValueErrors(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ body, want string }{
		"not a number":      {"<i>secret</i>", "i is no int"},
		"too large":         {"<i8>128</i8>", "i8 is out of the range of int8"},
		"too small":         {"<i8>-129</i8>", "i8 is out of the range of int8"},
		"negative":          {"<u>-1</u>", "u is no uint"},
		"64 bits":           {"<i64>9223372036854775808</i64>", "i64 is out of the range of int64"},
		"far too large":     {"<u16>99999999999999999999999</u16>", "u16 is out of the range of uint16"},
		"not a bool":        {"<t>secret</t>", "t is no bool"},
		"not a float":       {"<f>secret</f>", "f is no float64"},
		"float too large":   {"<f32>1e99</f32>", "f32 is out of the range of float32"},
		"text unmarshaler":  {"<PT>secret</PT>", "PT is no wire.timestamp"},
		"hexadecimal":       {"<i>0x10</i>", "i is no int"},
		"underscores":       {"<i>1_000</i>", "i is no int"},
		"in a slice":        {"<list><si>1</si><si>secret</si></list>", "si is no int"},
		"behind a pointer":  {"<pi>secret</pi>", "pi is no int"},
		"an attribute":      {"<pp id='secret'/>", "id is no int"},
		"letter after":      {"<i>12secret</i>", "i is no int"},
		"only a minus sign": {"<i>-</i>", "i is no int"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var v kinds
			err := Decode(strings.NewReader("<response><s>x</s>"+tc.body+"</response>"), &v)
			syntax, ok := errors.AsType[*SyntaxError](err)
			require.True(t, ok)
			require.Equal(t, tc.want, syntax.Reason)
			require.NotContains(t, err.Error(), "secret")
			require.Positive(t, syntax.Offset)
			require.NoError(t, errors.Unwrap(err))
			require.Equal(t, kinds{}, v)
		})
	}
}

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
		"items of a string": &struct {
			A string `xml:"a" items:"x"`
		}{},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := Check(v)
			require.ErrorContains(t, err, "wire: cannot decode into ")
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

func TestItems(t *testing.T) {
	t.Parallel()
	for name, body := range samples {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			chats, err := collect[groupChat](strings.NewReader(body), "groupchat")
			require.NoError(t, err)
			require.Equal(t, decode[chatsDoc](t, body).Chats, chats)
			messages, err := collect[message](strings.NewReader(body), "messages>message")
			require.NoError(t, err)
			require.Equal(t, decode[messagesDoc](t, body).Messages, messages)
		})
	}
	ids, err := collect[*peer](strings.NewReader(`<response><x/><peers><peer id="1"/>text</peers><peer id="no"/><peers/><peers><y><peer/></y><peer id="2"/></peers></response>`), "peers>peer")
	require.NoError(t, err)
	require.Equal(t, []*peer{{1}, {2}}, ids)
	texts, err := collect[string](strings.NewReader(`<response><a>1</a><a>2</a></response>`), "a")
	require.NoError(t, err)
	require.Equal(t, []string{"1", "2"}, texts)
}

func TestCollect(t *testing.T) {
	t.Parallel()
	for name, body := range samples {
		want, err := collect[message](strings.NewReader(body), "messages>message")
		require.NoError(t, err)
		got, err := Collect[message](strings.NewReader(body), "messages>message", -1)
		require.NoError(t, err)
		require.NotNil(t, got)
		require.Equal(t, append([]message{}, want...), got, name)
	}
	const n = 20_000
	body := "<response>" + strings.Repeat("<a>1</a>", n) + "</response>"
	for _, size := range []int64{-1, 0, 1, int64(len(body)) / 2, int64(len(body)), 1 << 60, math.MinInt64} {
		got, err := Collect[int8](strings.NewReader(body), "a", size)
		require.NoError(t, err)
		require.Equal(t, slices.Repeat([]int8{1}, n), got, size)
		require.Less(t, cap(got), n+2*creditItems, "a size is the server's word, which room must not be left to")
	}
	got, err := Collect[string](strings.NewReader("<response><a>1</a><a>2</b></response>"), "a", -1)
	require.Error(t, err)
	require.Nil(t, got)
}

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

func TestItemsAreIndependent(t *testing.T) {
	t.Parallel()
	items, err := collect[kinds](strings.NewReader(`<response><k><s>1</s><ss>1</ss><ss>1</ss><pi>1</pi><b>1</b></k><k/><k><ss>2</ss><pi>2</pi><b>2</b></k></response>`), "k")
	require.NoError(t, err)
	require.Equal(t, []kinds{{S: "1", SS: []string{"1", "1"}, PI: new(1), B: []byte("1")}, {}, {SS: []string{"2"}, PI: new(2), B: []byte("2")}}, items)
}

func TestItemsYieldsWhileBytesArrive(t *testing.T) {
	t.Parallel()
	r, w := io.Pipe()
	next := make(chan string, 1)
	go func() {
		_, _ = io.WriteString(w, "<response>")
		for text := range next {
			_, _ = io.WriteString(w, "<a>"+text+"</a>")
		}
		_, _ = io.WriteString(w, "</response>")
		_ = w.Close()
	}()
	want := []string{"1", "2", "3"}
	next <- want[0]
	n := 0
	for text, err := range Items[string](r, "a") {
		require.NoError(t, err)
		require.Equal(t, want[n], text)
		if n++; n < len(want) {
			next <- want[n]
		} else {
			close(next)
		}
	}
	require.Len(t, want, n)
}

func TestItemsStops(t *testing.T) {
	t.Parallel()
	r := strings.NewReader("<response>" + strings.Repeat("<a>1</a>", bufferSize) + "</response>")
	n := 0
	for _, err := range Items[string](r, "a") {
		require.NoError(t, err)
		if n++; n == 3 {
			break
		}
	}
	require.Equal(t, 3, n)
	require.NotZero(t, r.Len(), "what is left is not read")
}

func TestItemsYieldsAnErrorOnceAndLast(t *testing.T) {
	t.Parallel()
	var got []string
	var errs []error
	for text, err := range Items[string](strings.NewReader("<response><a>1</a><a>2</a><a>3</b></response>"), "a") {
		got = append(got, text)
		errs = append(errs, err)
	}
	require.Equal(t, []string{"1", "2", ""}, got)
	require.NoError(t, errs[0])
	require.NoError(t, errs[1])
	require.Error(t, errs[2])
}

func TestItemsMayBeNested(t *testing.T) {
	t.Parallel()
	body := "<response><a>1</a><a>2</a></response>"
	var got []string
	for outer, err := range Items[string](strings.NewReader(body), "a") {
		require.NoError(t, err)
		for inner, err := range Items[string](strings.NewReader(body), "a") {
			require.NoError(t, err)
			got = append(got, outer+inner)
		}
	}
	require.Equal(t, []string{"11", "12", "21", "22"}, got)
}
