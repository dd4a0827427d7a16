package main

import (
	"bytes"
	"encoding/xml"

	smithyxml "github.com/aws/smithy-go/encoding/xml"

	"github.com/trillian-go/trillian"
)

// What follows decodes in the style of the code that the AWS SDK generates for
// smithy-go.

// smithyItems decodes the elements at a path below the root.
func smithyItems[T any](path []string, item func(smithyxml.NodeDecoder) (T, error)) decoder[T] {
	return func(document []byte, yield func(T)) error {
		d := xml.NewDecoder(bytes.NewReader(document))
		root, err := smithyxml.FetchRootElement(d)
		if err != nil {
			return err
		}
		node := smithyxml.WrapNodeDecoder(d, root)
		for _, name := range path[:len(path)-1] {
			start, err := node.GetElement(name)
			if err != nil {
				return err
			}
			node = smithyxml.WrapNodeDecoder(d, start)
		}
		return smithyChildren(node, func(child smithyxml.NodeDecoder) error {
			v, err := item(child)
			yield(v)
			return err
		})
	}
}

func smithyChildren(node smithyxml.NodeDecoder, f func(smithyxml.NodeDecoder) error) error {
	for {
		start, done, err := node.Token()
		if err != nil || done {
			return err
		}
		if err := f(smithyxml.WrapNodeDecoder(node.Decoder, start)); err != nil {
			return err
		}
	}
}

func smithyMessage(node smithyxml.NodeDecoder) (m trillian.Message, err error) {
	for _, a := range node.StartEl.Attr {
		switch a.Name.Local {
		case "timestamp":
			err = m.Timestamp.UnmarshalText([]byte(a.Value))
		case "from":
			m.From = a.Value
		}
	}
	if err != nil {
		return m, err
	}
	text, err := node.Value()
	m.Text = string(text)
	return m, err
}

func smithyChat(node smithyxml.NodeDecoder) (c trillian.GroupChat, err error) {
	c.Name = node.StartEl.Attr[0].Value
	err = smithyChildren(node, func(child smithyxml.NodeDecoder) error {
		text, err := child.Value()
		if err != nil {
			return err
		}
		switch name := child.StartEl.Name.Local; name {
		case "groups":
			c.Groups.Href = child.StartEl.Attr[0].Value
		case "media":
			c.Media.Href = child.StartEl.Attr[0].Value
		case "members":
			c.Members.Href = child.StartEl.Attr[0].Value
		case "messages":
			c.Messages.Href = child.StartEl.Attr[0].Value
		default:
			return setChatText(&c, name, text)
		}
		return nil
	})
	return c, err
}

func smithyPresence(node smithyxml.NodeDecoder) (p trillian.Presence, err error) {
	for _, a := range node.StartEl.Attr {
		if err := setPresence(&p, []byte(a.Name.Local), []byte(a.Value)); err != nil {
			return p, err
		}
	}
	err = smithyChildren(node, func(devices smithyxml.NodeDecoder) error {
		return smithyChildren(devices, func(child smithyxml.NodeDecoder) error {
			var d trillian.Device
			for _, a := range child.StartEl.Attr {
				if err := setDevice(&d, []byte(a.Name.Local), []byte(a.Value)); err != nil {
					return err
				}
			}
			p.Devices = append(p.Devices, d)
			_, err := child.Value()
			return err
		})
	})
	return p, err
}

func smithyUser(node smithyxml.NodeDecoder) (trillian.User, error) {
	u := trillian.User{Fields: make(map[string]string)}
	for _, a := range node.StartEl.Attr {
		if a.Name.Local == "name" {
			u.Name = a.Value
		} else {
			u.Fields[a.Name.Local] = a.Value
		}
	}
	err := smithyChildren(node, func(child smithyxml.NodeDecoder) error {
		for _, a := range child.StartEl.Attr {
			u.Fields[child.StartEl.Name.Local+"/"+a.Name.Local] = a.Value
		}
		text, err := child.Value()
		if err == nil && len(text) > 0 {
			setUserText(&u, child.StartEl.Name.Local, string(text))
		}
		return err
	})
	return u, err
}
