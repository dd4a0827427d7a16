package xmlwire

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

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

// TestValidCharacters asks about every character, nearly, and about every pair of
// bytes that begins a wrong one.
func TestValidCharacters(t *testing.T) {
	t.Parallel()
	var text []byte
	check := func(b []byte) {
		want := true
		for rest := b; len(rest) > 0 && want; {
			r, size := utf8.DecodeRune(rest)
			want = allowed(r) && r != '\r' && (r != utf8.RuneError || size > 1)
			rest = rest[size:]
		}
		for _, before := range []string{"", "你", "x😀 and more"} {
			text = append(append(append(text[:0], before...), b...), "z"...)
			if got := valid(text); got != want {
				require.Equal(t, want, got, "% x after %q", b, before)
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
	for _, third := range []byte{0x7F, 0x80, 0xBE, 0xBF} {
		for n := range 1 << 16 {
			check([]byte{byte(n >> 8), byte(n), third, 0xBF})
			check([]byte{byte(n >> 8), byte(n), third})
		}
	}
	require.False(t, valid([]byte("\xE4\xBD")), "a character that is cut off")
}

// TestPlain has every byte at every place.
func TestPlain(t *testing.T) {
	t.Parallel()
	for _, stop := range []byte("<'\"") {
		for length := range 30 {
			for at := range length {
				for c := range 256 {
					b := bytes.Repeat([]byte("~"), length)
					b[at] = byte(c)
					want := length
					if c < ' ' || c >= utf8.RuneSelf || c == '&' || c == '<' || c == int(stop) {
						want = at
					}
					if plain(b, stop) != want {
						require.Fail(t, "wrong", "%q", b)
					}
				}
			}
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
