package main

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"iter"

	"github.com/trillian-go/trillian"
)

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

func usersOf(d *usersDocument) []trillian.User {
	users := make([]trillian.User, 0, len(d.Users))
	for i := range d.Users {
		users = append(users, d.Users[i].user())
	}
	return users
}
