package xmlwire

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
)

// corpus writes n items into one document, the same for the same n.
func corpus(n int, open, shut string, item func(w *bytes.Buffer, rng *rand.Rand, i int)) []byte {
	rng := rand.New(rand.NewPCG(1, uint64(n)))
	var w bytes.Buffer
	w.WriteString("<response> " + open)
	for i := range n {
		item(&w, rng, i)
	}
	w.WriteString(shut + "</response>")
	return w.Bytes()
}

const latinWords = "the of and meeting project budget server update please review tomorrow customer invoice thanks schedule report release team call numbers question answer morning"

// prose returns 20 to 400 characters: 12 % of the texts are Chinese or Japanese,
// 15 % have emoji, 25 % entities.
func prose(rng *rand.Rand) string {
	want := 20 + rng.IntN(381)
	var b strings.Builder
	switch p := rng.IntN(100); {
	case p < 12:
		for n := range want {
			if n%17 == 16 {
				b.WriteString([]string{"、", "。", "，"}[rng.IntN(3)])
			} else if rng.IntN(4) == 0 {
				b.WriteRune('ぁ' + rng.Int32N(80))
			} else {
				b.WriteRune('一' + rng.Int32N(20000))
			}
		}
	default:
		words := strings.Fields(latinWords)
		for b.Len() < want {
			b.WriteString(words[rng.IntN(len(words))])
			b.WriteByte(' ')
			switch {
			case p < 27 && rng.IntN(6) == 0:
				b.WriteRune([]rune("😀😂🎉👍🙏🔥")[rng.IntN(6)])
			case p >= 27 && p < 52 && rng.IntN(10) == 0:
				b.WriteString([]string{"&amp;", "&lt;b&gt;", "&quot;", "&#39;", "&apos;"}[rng.IntN(5)])
			}
		}
	}
	return b.String()
}

func messageCorpus(n int) []byte {
	return corpus(n, "<messages> ", "</messages>", func(w *bytes.Buffer, rng *rand.Rand, i int) {
		fmt.Fprintf(w, `<message timestamp="%d" from="user%03d@cerulean-inc.com">%s</message>`, 1464200972389+int64(i)*1000, rng.IntN(40), prose(rng))
	})
}

// vocabularies are kinds of text that differ in what they cost: letters beyond
// ASCII must be valid UTF-8, and entities are replaced.
var vocabularies = []struct{ name, words, between string }{
	{"ascii", latinWords, " "},
	{"french", "le la réunion de demain est confirmée merci pour votre réponse nous avons reçu la facture du client et le projet avance bien voilà à bientôt été", " "},
	{"chinese", "你好， 会议改到 明天上午 项目 预算报告 服务器 已更新。 请 审阅一下 客户 的发票 谢谢！ 日程安排 报告 发布时间 我们团队 电话号码 数字 有什么问题？ 早上好", ""},
	{"entities", "the of &lt;b&gt; and meeting R&amp;D project budget déjà server update &quot;please&quot; review 😀 tomorrow customer it&#39;s invoice — thanks schedule &amp; report", " "},
}

func vocabularyCorpus(n int, words []string, between string) []byte {
	return corpus(n, "<messages> ", "</messages>", func(w *bytes.Buffer, rng *rand.Rand, i int) {
		fmt.Fprintf(w, `<message timestamp="%d" from="user%03d@cerulean-inc.com">`, 1464200972389+int64(i)*1000, rng.IntN(40))
		for range 3 + rng.IntN(40) {
			w.WriteString(words[rng.IntN(len(words))] + between)
		}
		w.WriteString("</message>")
	})
}

func chatCorpus(n int) []byte {
	return corpus(n, "", "", func(w *bytes.Buffer, rng *rand.Rand, i int) {
		name := fmt.Sprintf("%016x%016x%08x", rng.Uint64(), rng.Uint64(), rng.Uint32())
		href := "https://api.trillian.im/v1/groupchats/%23" + name + "%40cerulean-inc.com/"
		fmt.Fprintf(w, `<groupchat name="#%s@cerulean-inc.com"> <displayname>Room %d</displayname><flags>%d</flags><groups href="%sgroups/"/><media href="%smedia/"/><members href="%smembers/"/><messageTimestamp>%d</messageTimestamp><messages href="%smessages/"/><topic>Welcome to room %d!</topic></groupchat>`,
			name, i, 256*rng.IntN(32), href, href, href, 1464200972389+int64(i), href, i)
	})
}

func presenceCorpus(n int) []byte {
	return corpus(n, "", "", func(w *bytes.Buffer, rng *rand.Rand, i int) {
		fmt.Fprintf(w, `<presence name="user%05d@cerulean-inc.com" status="%d" message="Away since %d:%02d AM EDT" timestamp="%d"> <devices> `,
			i, rng.IntN(5), rng.IntN(12), rng.IntN(60), 1464274162+i)
		for range 1 + rng.IntN(3) {
			fmt.Fprintf(w, `<device ip="%d" name="HOST%04X.%08X" platform="Windows" version="6.%d" build="%d"/>`,
				rng.Uint32(), i, rng.Uint32(), rng.IntN(3), 50+rng.IntN(4))
		}
		w.WriteString("</devices></presence>")
	})
}

func userCorpus(n int) []byte {
	return corpus(n, "", "", func(w *bytes.Buffer, rng *rand.Rand, i int) {
		fmt.Fprintf(w, `<user name="user%05d@cerulean-inc.com" id="%d"><email>user%05d@cerulean-inc.com</email><displayname>User %d</displayname><title>Engineer</title><phone>+1 555 %04d</phone><groups href="https://api.trillian.im/v1/users/%d/groups/"/></user>`,
			i, i, i, i, rng.IntN(10000), i)
	})
}

// benchmarkDecode compares streaming, collecting and encoding/xml, which decodes
// into an X.
func benchmarkDecode[T, X any](b *testing.B, n int, document []byte, path string, size func(X) int) {
	run := func(name string, decode func(r io.Reader) (int, error)) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(document)))
			r := bytes.NewReader(nil)
			for b.Loop() {
				r.Reset(document)
				if got, err := decode(r); got != n || err != nil { // require takes as long as a small document
					b.Fatal(got, err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/item")
		})
	}
	run("streamed", func(r io.Reader) (int, error) {
		n := 0
		for _, err := range Items[T](r, path) {
			if err != nil {
				return n, err
			}
			n++
		}
		return n, nil
	})
	run("collected", func(r io.Reader) (int, error) {
		all, err := Collect[T](r, path, int64(len(document)))
		return len(all), err
	})
	run("encoding-xml", func(io.Reader) (int, error) {
		var doc X
		err := xml.Unmarshal(document, &doc)
		return size(doc), err
	})
}

func BenchmarkDecodeMessages(b *testing.B) {
	const n = 50_000
	benchmarkDecode[message](b, n, messageCorpus(n), "messages>message", func(d messagesDoc) int { return len(d.Messages) })
}

func BenchmarkDecodeTexts(b *testing.B) {
	const n = 20_000
	for _, v := range vocabularies {
		b.Run(v.name, func(b *testing.B) {
			document := vocabularyCorpus(n, strings.Fields(v.words), v.between)
			benchmarkDecode[message](b, n, document, "messages>message", func(d messagesDoc) int { return len(d.Messages) })
		})
	}
}

func BenchmarkDecodeChats(b *testing.B) {
	const n = 10_000
	benchmarkDecode[groupChat](b, n, chatCorpus(n), "groupchat", func(d chatsDoc) int { return len(d.Chats) })
}

func BenchmarkDecodePresences(b *testing.B) {
	const n = 10_000
	benchmarkDecode[presence](b, n, presenceCorpus(n), "presence", func(d presencesDoc) int { return len(d.Presences) })
}

// BenchmarkDecodeUsers gives encoding/xml, which fills no maps, a tree.
func BenchmarkDecodeUsers(b *testing.B) {
	const n = 10_000
	benchmarkDecode[user](b, n, userCorpus(n), "user", func(d nodesDoc) int { return len(d.Users) })
}

func BenchmarkDecodeSmall(b *testing.B) {
	const n = 2
	benchmarkDecode[message](b, n, messageCorpus(n), "messages>message", func(d messagesDoc) int { return len(d.Messages) })
}
