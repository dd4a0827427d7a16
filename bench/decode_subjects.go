package main

import "github.com/trillian-go/trillian"

// byHand holds the loops over the tokens of the libraries that only cut a
// document into them.
type byHand[T any] struct {
	lex      func(*lexing, func(T)) error
	sax      func(*sax, func(T)) error
	tokenize func(*tokenizing, func(T)) error
}

// decoders are all those of a kind of item at a path below the root.
func (h byHand[T]) decoders(path string, unmarshal, element decoder[T]) map[string]decoder[T] {
	return map[string]decoder[T]{
		oursStreamed:    streamed[T](path),
		oursCollected:   collected[T](path),
		oursUnsized:     unsized[T](path),
		xmlUnmarshal:    unmarshal,
		xmlDecoder:      element,
		tdewolff:        lexed(h.lex),
		tdewolffInPlace: lexedInPlace(h.lex),
		gosaxReader:     saxed(h.sax),
		xmlTokenizer:    tokenized(h.tokenize),
	}
}

// The charts that decoding is in.
const (
	messagesPanel = "Decode messages"
	othersPanel   = "Decode other answers"
)

func messageSubject(in vocabulary, streamed, collected float64) subject[trillian.Message] {
	return subject[trillian.Message]{
		plural: in.name + " messages", panel: messagesPanel, label: in.name,
		document: func(n int) []byte { return messageDocument(n, in) },
		decoders: byHand[trillian.Message]{lexMessages, saxMessages, tokenizeMessages}.decoders(
			messagePath,
			unmarshalled(func(d *messagesDocument) []trillian.Message { return d.Messages }),
			elements("message", same[trillian.Message])),
		headline: in.name == "French",
		streamed: streamed, collected: collected, allocs: 1.05,
	}
}

func chatSubject() subject[trillian.GroupChat] {
	return subject[trillian.GroupChat]{
		plural: "group chats", panel: othersPanel, label: "group chats", document: chatDocument,
		decoders: byHand[trillian.GroupChat]{lexChats, saxChats, tokenizeChats}.decoders(
			"groupchat",
			unmarshalled(func(d *chatsDocument) []trillian.GroupChat { return d.Chats }),
			elements("groupchat", same[trillian.GroupChat])),
		streamed: 20, collected: 12, allocs: 7,
	}
}

func presenceSubject() subject[trillian.Presence] {
	return subject[trillian.Presence]{
		plural: "presences", panel: othersPanel, label: "presences", document: presenceDocument,
		decoders: byHand[trillian.Presence]{lexPresences, saxPresences, tokenizePresences}.decoders(
			"presence",
			unmarshalled(func(d *presencesDocument) []trillian.Presence { return d.Presences }),
			elements("presence", same[trillian.Presence])),
		streamed: 16, collected: 12, allocs: 3,
	}
}

func userSubject() subject[trillian.User] {
	return subject[trillian.User]{
		plural: "users", panel: othersPanel, label: "users", document: userDocument,
		decoders: byHand[trillian.User]{lexUsers, saxUsers, tokenizeUsers}.decoders(
			"user",
			unmarshalled(usersOf),
			elements("user", (*xmlUser).user)),
	}
}
