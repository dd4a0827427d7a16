package main

import (
	"bytes"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/trillian-go/trillian"
)

// config is the configuration file. It holds tokens, so nobody but its owner may
// read it.
type config struct {
	Current  string                    `json:"current"` // the context that is used where nothing else is said
	Contexts map[string]*serverContext `json:"contexts"`
}

// serverContext is a server and who one is there.
type serverContext struct {
	credential
	BaseURL        string                `json:"base_url"`
	CertificatePin string                `json:"certificate_pin"`
	CAFile         string                `json:"ca_file"`
	PlainHTTP      bool                  `json:"plain_http"`
	Senders        map[string]credential `json:"senders"` // users' own tokens, by IM address
}

// credential is a token, or the file it is in.
type credential struct {
	Token     string `json:"token"`
	TokenFile string `json:"token_file"`
}

func (c credential) read() (string, error) {
	switch {
	case c.Token != "" && c.TokenFile != "":
		return "", usageErrorf("a token and a token file are given: one is enough")
	case c.TokenFile == "":
		return c.Token, nil
	}
	text, err := readPrivate(c.TokenFile)
	if err != nil {
		return "", usageErrorf("%v", err)
	}
	return strings.TrimRight(string(text), "\r\n"), nil
}

// context returns the context to use, or nil where the environment names the
// server: it does so if it has a token and --context does not say otherwise.
func (a *app) context() (*serverContext, error) {
	name := a.contextName
	if name == "" && (os.Getenv("TRILLIAN_TOKEN") != "" || os.Getenv("TRILLIAN_TOKEN_FILE") != "") {
		return nil, nil
	}
	cfg, err := a.config()
	if err != nil {
		return nil, err
	}
	if name == "" {
		name = cfg.Current
	}
	if name == "" {
		return nil, nil
	}
	named, ok := cfg.Contexts[name]
	if !ok || named == nil {
		return nil, usageErrorf("there is no context %q; there are: %s", name, strings.Join(slices.Sorted(maps.Keys(cfg.Contexts)), ", "))
	}
	return named, nil
}

// config reads the configuration file; one that is not there is empty, unless it
// was asked for.
func (a *app) config() (config, error) {
	path, asked := a.configPath, true
	if path == "" {
		path = os.Getenv("TRILLIANCTL_CONFIG")
	}
	if path == "" {
		dir, err := os.UserConfigDir()
		if err != nil {
			return config{}, nil // no home, no file
		}
		path, asked = filepath.Join(dir, "trillianctl", "config.json"), false
	}
	text, err := readPrivate(path)
	if !asked && errors.Is(err, fs.ErrNotExist) {
		return config{}, nil
	}
	if err != nil {
		return config{}, usageErrorf("%v", err)
	}
	var cfg config
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&cfg); err != nil {
		return config{}, usageErrorf("%s: %v", path, err)
	}
	return cfg, nil
}

// readPrivate reads a file of secrets, and refuses one that others may read.
func readPrivate(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if wide := info.Mode().Perm() & 0o077; wide != 0 && runtime.GOOS != "windows" {
		return nil, fmt.Errorf("%s has the mode %04o: others may read its secrets. Do: chmod 600 %s", path, info.Mode().Perm(), path)
	}
	return os.ReadFile(path)
}

func (c *serverContext) client(opts []trillian.Option) (*trillian.Client, error) {
	token, err := c.read()
	if err != nil {
		return nil, err
	}
	var own []trillian.Option
	if c.BaseURL != "" {
		own = append(own, trillian.WithBaseURL(c.BaseURL))
	}
	if c.CertificatePin != "" {
		own = append(own, trillian.WithCertificatePin(c.CertificatePin))
	}
	if c.CAFile != "" {
		pool, err := readPool(c.CAFile)
		if err != nil {
			return nil, err
		}
		own = append(own, trillian.WithRootCAs(pool))
	}
	if c.PlainHTTP {
		own = append(own, trillian.WithPlainHTTP())
	}
	return trillian.NewClient(token, append(own, opts...)...)
}

// readPool reads the authorities to trust, in PEM.
func readPool(path string) (*x509.CertPool, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, usageErrorf("%v", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, usageErrorf("%s has no certificate in PEM", path)
	}
	return pool, nil
}
