package main

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"strconv"
	"strings"
)

// The share of texts of each kind, in percent. They fix every figure: UTF-8
// validation and unescaping cost more than plain ASCII.
const (
	cjkShare    = 12
	emojiShare  = 15
	entityShare = 25

	shortestText = 20 // characters
	longestText  = 400
	senders      = 40
)

const firstMessage = 1_464_200_972_389 // milliseconds since 1970

var (
	words    = strings.Fields("the of and meeting project budget server update please review tomorrow customer invoice thanks schedule report release team call numbers question answer morning")
	emoji    = []string{"😀", "😂", "🎉", "👍", "🙏", "🔥"}
	entities = []string{"&amp;", "&lt;", "&gt;", "&quot;", "&#39;", "&apos;"}
)

func newRand(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 4)) }

// prose appends a text as it stands in the document, entities and all.
func prose(w *bytes.Buffer, rng *rand.Rand) {
	want := shortestText + rng.IntN(longestText-shortestText+1)
	switch kind := rng.IntN(100); {
	case kind < cjkShare:
		cjk(w, rng, want)
	case kind < cjkShare+emojiShare:
		sprinkled(w, rng, want, emoji, 6)
	case kind < cjkShare+emojiShare+entityShare:
		sprinkled(w, rng, want, entities, 10)
	default:
		sprinkled(w, rng, want, nil, 1)
	}
}

func cjk(w *bytes.Buffer, rng *rand.Rand, want int) {
	for n := range want {
		switch {
		case n%17 == 16:
			w.WriteString([]string{"、", "。", "，"}[rng.IntN(3)])
		case rng.IntN(4) == 0:
			w.WriteRune('ぁ' + rng.Int32N(80))
		default:
			w.WriteRune('一' + rng.Int32N(20_000))
		}
	}
}

// sprinkled appends words and, always after the first and then after one in so
// many, an extra, each of which is one character.
func sprinkled(w *bytes.Buffer, rng *rand.Rand, want int, extras []string, oneIn int) {
	for left := want; left > 0; {
		word := words[rng.IntN(len(words))] + " "
		word = word[:min(len(word), left)]
		w.WriteString(word)
		first := left == want
		left -= len(word)
		if len(extras) > 0 && left > 0 && (first || rng.IntN(oneIn) == 0) {
			w.WriteString(extras[rng.IntN(len(extras))])
			left--
		}
	}
}

// document writes n items between open and shut, the same for the same n.
func document(n int, open, shut string, item func(w *bytes.Buffer, rng *rand.Rand, i int)) []byte {
	rng := newRand(uint64(n))
	var w bytes.Buffer
	w.WriteString("<response> " + open)
	for i := range n {
		item(&w, rng, i)
	}
	w.WriteString(shut + "</response>")
	return w.Bytes()
}

const (
	openMessages = "<messages> "
	shutMessages = "</messages>"
)

func messageDocument(n int) []byte {
	return document(n, openMessages, shutMessages, func(w *bytes.Buffer, rng *rand.Rand, i int) {
		w.Write(appendMessageStart(w.AvailableBuffer(), i, rng.IntN(senders)))
		prose(w, rng)
		w.WriteString("</message>")
	})
}

func appendMessageStart(b []byte, i, sender int) []byte {
	b = append(b, `<message timestamp="`...)
	b = strconv.AppendInt(b, firstMessage+int64(i)*1000, 10)
	b = append(b, `" from="user`...)
	b = strconv.AppendInt(b, int64(sender), 10)
	return append(b, `@cerulean-inc.com">`...)
}

func chatDocument(n int) []byte {
	return document(n, "", "", func(w *bytes.Buffer, rng *rand.Rand, i int) {
		hash := fmt.Sprintf("%016x%016x%08x", rng.Uint64(), rng.Uint64(), rng.Uint32())
		href := "https://api.trillian.im/v1/groupchats/%23" + hash + "%40cerulean-inc.com/"
		fmt.Fprintf(w, `<groupchat name="#%s@cerulean-inc.com"> <displayname>Room %d</displayname><flags>%d</flags>`, hash, i, 256*rng.IntN(32))
		fmt.Fprintf(w, `<groups href="%sgroups/"/><media href="%smedia/"/><members href="%smembers/"/>`, href, href, href)
		fmt.Fprintf(w, `<messageTimestamp>%d</messageTimestamp><messages href="%smessages/"/><topic>Welcome to room %d!</topic></groupchat>`, firstMessage+i, href, i)
	})
}

func presenceDocument(n int) []byte {
	return document(n, "", "", func(w *bytes.Buffer, rng *rand.Rand, i int) {
		fmt.Fprintf(w, `<presence name="user%05d@cerulean-inc.com" status="%d" message="Away since %d:%02d AM EDT" timestamp="%d">`,
			i, rng.IntN(5), rng.IntN(12), rng.IntN(60), firstMessage/1000+i)
		fmt.Fprintf(w, ` <devices> <device ip="%d" name="HOST%04X.%08X" platform="Windows" version="6.%d" build="%d"/></devices></presence>`,
			rng.Uint32(), i, rng.Uint32(), rng.IntN(3), 50+rng.IntN(4))
	})
}

func userDocument(n int) []byte {
	return document(n, "", "", func(w *bytes.Buffer, rng *rand.Rand, i int) {
		fmt.Fprintf(w, `<user name="user%05d@cerulean-inc.com" id="%d"><email>user%05d@cerulean-inc.com</email><displayname>User %d</displayname>`, i, i, i, i)
		fmt.Fprintf(w, `<title>Engineer</title><phone>+1 555 %04d</phone><groups href="https://api.trillian.im/v1/users/user%05d/groups/"/></user>`, rng.IntN(10_000), i)
	})
}

// textPool is how many different texts an endless answer repeats: enough for
// the mix, and little memory beside what is measured.
const textPool = 200

// messageStream is the answer of a week of n messages, made while it is read,
// so that it takes no memory of its own.
type messageStream struct {
	n, next int
	texts   [][]byte
	rng     *rand.Rand
	buf     []byte
	pending []byte
}

func newMessageStream(n int) *messageStream {
	s := &messageStream{n: n, rng: newRand(1), buf: make([]byte, 0, 16<<10)}
	s.pending = []byte("<response> " + openMessages)
	var text bytes.Buffer
	for range textPool {
		text.Reset()
		prose(&text, s.rng)
		s.texts = append(s.texts, bytes.Clone(text.Bytes()))
	}
	return s
}

// Read implements io.Reader.
func (s *messageStream) Read(p []byte) (int, error) {
	read := 0
	for read < len(p) {
		if len(s.pending) == 0 && !s.refill() {
			break
		}
		n := copy(p[read:], s.pending)
		s.pending = s.pending[n:]
		read += n
	}
	if read == 0 {
		return 0, io.EOF
	}
	return read, nil
}

func (s *messageStream) refill() bool {
	switch {
	case s.next < s.n:
		b := appendMessageStart(s.buf, s.next, s.rng.IntN(senders))
		b = append(b, s.texts[s.rng.IntN(len(s.texts))]...)
		s.pending = append(b, "</message>"...)
		s.next++
	case s.next == s.n:
		s.pending = []byte(shutMessages + "</response>")
		s.next++
	default:
		return false
	}
	return true
}
