package main

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"strconv"
	"strings"
)

// vocabulary is what texts of one kind are made of. They fix every figure: to
// check UTF-8 and to resolve references costs more than plain ASCII does.
type vocabulary struct {
	name   string
	words  []string
	space  string   // between the words
	extras []string // one of them stands for every third word, if there are any
}

// A text has so many words. It begins and ends with one: a library that trims
// white space has the same values to show.
const (
	fewestWords = 3
	mostWords   = 42
)

var english = strings.Fields("the of and meeting project budget server update please review tomorrow customer invoice thanks schedule report release team call numbers question answer morning")

var vocabularies = []vocabulary{
	{name: "ASCII", words: english, space: " "},
	{name: "French", space: " ", words: strings.Fields("le la les été de du et pour dans avec réunion projet budget serveur merci vérifier demain client facture équipe rapport version appel question réponse matin déjà bureau semaine contrat")},
	{name: "Chinese", words: strings.Fields("会议 项目 预算 服务器 更新 请 查看 明天 客户 发票 谢谢 安排 报告 发布 团队 电话 号码 问题 回答 早上 我们 可以 下午 文件 需要 时候"), extras: []string{"，", "。", "、"}},
	{name: "entity-heavy", words: english, space: " ", extras: strings.Fields("&amp; &lt; &gt; &quot; &#39; &apos; é ü € – … 😀")},
}

const (
	senders      = 40
	firstMessage = 1_464_200_972_389 // milliseconds since 1970
)

func newRand(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 4)) }

func oneOf[T any](rng *rand.Rand, of []T) T { return of[rng.IntN(len(of))] }

// prose appends a text as it stands in the document, entities and all.
func (v *vocabulary) prose(w *bytes.Buffer, rng *rand.Rand) {
	for i := range fewestWords + rng.IntN(mostWords-fewestWords+1) {
		if i > 0 {
			w.WriteString(v.space)
		}
		if i%3 == 2 && len(v.extras) > 0 {
			w.WriteString(oneOf(rng, v.extras))
		} else {
			w.WriteString(oneOf(rng, v.words))
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

// messageDocument writes n messages, each in one of the vocabularies.
func messageDocument(n int, in ...vocabulary) []byte {
	return document(n, openMessages, shutMessages, func(w *bytes.Buffer, rng *rand.Rand, i int) {
		w.Write(appendMessageStart(w.AvailableBuffer(), i, rng.IntN(senders)))
		v := oneOf(rng, in)
		v.prose(w, rng)
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
		v := oneOf(s.rng, vocabularies)
		v.prose(&text, s.rng)
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
		b = append(b, oneOf(s.rng, s.texts)...)
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
