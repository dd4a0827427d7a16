package xmlwire

import (
	"encoding/xml"
	"errors"
	"io"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// samples are documents as the server's reference shows them.
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

// collect drains Items. To have none, whatever else is there, is no error here: see
// TestNoItems.
func collect[T any](r io.Reader, path string) (items []T, err error) {
	for item, err := range Items[T](r, path) {
		if errors.Is(err, ErrNoItems) {
			return nil, nil
		}
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
		"text unmarshaler":  {"<PT>secret</PT>", "PT is no xmlwire.timestamp"},
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
