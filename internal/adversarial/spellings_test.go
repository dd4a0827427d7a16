package adversarial

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"html"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"unicode/utf16"

	"github.com/stretchr/testify/require"
)

// The canaries have every character that an escaping can get wrong, and are
// found nowhere else.
const (
	canaryToken    = `Tok+en/8J7=Q9%41 pB5&iz"66p/kW+x==`
	canaryPassword = `Päss+wo rd/😀T=%2Bc&8P'9zB\Q%q/7ö=`
)

// spelling is a way to write a secret.
type spelling struct{ name, text string }

func spellings(secret string) []spelling {
	quoted, _ := json.Marshal(secret)
	var plain bytes.Buffer
	encoder := json.NewEncoder(&plain)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(secret)
	var element bytes.Buffer
	_ = xml.EscapeText(&element, []byte(secret))
	inner := func(s string) string { s = strings.TrimSpace(s); return s[1 : len(s)-1] }
	query, path := url.QueryEscape(secret), url.PathEscape(secret)
	strict := strings.ReplaceAll(query, "+", "%20")
	return []spelling{
		{"as it is", secret},
		{"query-escaped", query},
		{"query-escaped in lower case", lowerHex(query)},
		{"path-escaped", path},
		{"path-escaped in lower case", lowerHex(path)},
		{"strictly escaped", strict},
		{"strictly escaped in lower case", lowerHex(strict)},
		{"query-escaped twice", url.QueryEscape(query)},
		{"strictly escaped twice", url.QueryEscape(strict)},
		{"every byte percent-encoded", eachByte(secret, "%%%02X")},
		{"JSON", inner(string(quoted))},
		{"JSON with bare <>&", inner(plain.String())},
		{"JSON with escaped slashes", strings.ReplaceAll(inner(plain.String()), "/", `\/`)},
		{"JSON, every byte escaped", eachUnit(secret)},
		{"JSON of a query, every byte escaped", eachUnit(query)},
		{"HTML of JSON, every byte escaped twice", eachRune(eachUnit(secret), "&#%d;")},
		{"HTML of a query, every byte an entity", eachRune(query, "&#%d;")},
		{"JSON, in ASCII", inner(asciiJSON(string(quoted)))},
		{"quoted by Go", inner(strconv.Quote(secret))},
		{"quoted by Go, in ASCII", inner(strconv.QuoteToASCII(secret))},
		{"JavaScript", strings.NewReplacer("'", `\x27`, "/", `\x2f`, "&", `\x26`, "=", `\x3d`).Replace(inner(strconv.Quote(secret)))},
		{"HTML in ASCII", asciiHTML(html.EscapeString(secret))},
		{"HTML that may be broken anywhere", strings.Join(strings.Split(html.EscapeString(secret), "/"), "<wbr>/&shy;")},
		{"HTML", html.EscapeString(secret)},
		{"HTML with named quotes", strings.NewReplacer("&#34;", "&quot;", "&#39;", "&apos;").Replace(html.EscapeString(secret))},
		{"HTML template", strings.ReplaceAll(html.EscapeString(secret), "+", "&#43;")},
		{"HTML of a query", html.EscapeString("a=1&b=" + query)[len("a=1&amp;b="):]},
		{"every byte a decimal entity", eachRune(secret, "&#%d;")},
		{"every byte a hexadecimal entity", eachRune(secret, "&#x%X;")},
		{"XML", element.String()},
		{"Base64", base64.StdEncoding.EncodeToString([]byte(secret))},
		{"Base64 without padding", base64.RawStdEncoding.EncodeToString([]byte(secret))},
		{"Base64 for URLs", base64.URLEncoding.EncodeToString([]byte(secret))},
		{"Base64 for URLs without padding", base64.RawURLEncoding.EncodeToString([]byte(secret))},
	}
}

func lowerHex(s string) string {
	return regexp.MustCompile(`%[0-9A-F]{2}`).ReplaceAllStringFunc(s, strings.ToLower)
}

func eachByte(s, format string) string {
	var b strings.Builder
	for i := range len(s) {
		fmt.Fprintf(&b, format, s[i])
	}
	return b.String()
}

func eachRune(s, format string) string {
	var b strings.Builder
	for _, c := range s {
		fmt.Fprintf(&b, format, c)
	}
	return b.String()
}

func eachUnit(s string) string {
	var b strings.Builder
	for _, unit := range utf16.Encode([]rune(s)) {
		fmt.Fprintf(&b, `\u%04x`, unit)
	}
	return b.String()
}

// asciiJSON is what programs write that know no other characters in JSON.
func asciiJSON(s string) string { return nonASCII.ReplaceAllStringFunc(s, eachUnit) }

func asciiHTML(s string) string {
	return nonASCII.ReplaceAllStringFunc(s, func(c string) string { return eachRune(c, "&#%d;") })
}

var nonASCII = regexp.MustCompile(`[^\x00-\x7f]`)

// needles are what no text may hold: both secrets in every spelling, and the
// halves that a cut would leave.
var needles = sync.OnceValue(func() []spelling {
	var all []spelling
	for name, secret := range map[string]string{"token": canaryToken, "password": canaryPassword} {
		for _, s := range spellings(secret) {
			half := len(s.text) / 2
			all = append(all, spelling{name + ", " + s.name, s.text},
				spelling{"first half of the " + name + ", " + s.name, s.text[:half]},
				spelling{"second half of the " + name + ", " + s.name, s.text[half:]})
		}
		for _, s := range []string{secret, url.QueryEscape(secret)} {
			all = append(all, spelling{name + " in lower case", strings.ToLower(s)})
		}
		all = append(all, spelling{name + " in hex", hex.EncodeToString([]byte(secret))})
	}
	return all
})

// leak names the secret that a text tells, "" for none.
func leak(text string) string {
	if _, known := clean.Load(text); known {
		return ""
	}
	for _, plain := range []string{text, html.UnescapeString(text), unescapeJSON(text), unescapePercent(text), strings.ToLower(text)} {
		for _, n := range needles() {
			if strings.Contains(plain, n.text) {
				return n.name
			}
		}
	}
	clean.Store(text, true)
	return ""
}

var clean sync.Map // the texts that tell none: most are seen many times

var (
	jsonEscape    = regexp.MustCompile(`(\\u[0-9a-fA-F]{4}){1,2}|\\U[0-9a-fA-F]{8}|\\x[0-9a-fA-F]{2}|\\.`)
	percentEscape = regexp.MustCompile(`%[0-9a-fA-F]{2}`)
)

func unescapeJSON(text string) string {
	return jsonEscape.ReplaceAllStringFunc(text, func(s string) string {
		var plain string
		if json.Unmarshal([]byte(`"`+s+`"`), &plain) == nil {
			return plain
		}
		if plain, err := strconv.Unquote(`"` + s + `"`); err == nil {
			return plain
		}
		return s[1:]
	})
}

func unescapePercent(text string) string {
	return percentEscape.ReplaceAllStringFunc(text, func(s string) string {
		b, _ := hex.DecodeString(s[1:])
		return string(b)
	})
}

// A detector that finds nothing would let every other test here pass.
func TestLeakDetector(t *testing.T) {
	t.Parallel()
	for _, secret := range []string{canaryToken, canaryPassword} {
		for _, s := range spellings(secret) {
			require.NotEmpty(t, leak("before "+s.text+" after"), s.name)
			require.NotEmpty(t, leak("cut "+s.text[:len(s.text)*2/3]), s.name)
		}
	}
	require.Empty(t, leak(`GET https://im.example.com/v1/users/?a=1&token=[redacted] Pass Tok`))
}
