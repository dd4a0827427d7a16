//go:build unix

package proxies_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"text/template"
)

// program is one that stands between clients and servers.
type program struct {
	name     string
	binaries []string // its names, where distributions differ
	config   string   // a template in testdata
	command  func(s *site) []string
	version  string // the flag that prints it

	terminates bool // TLS, and so speaks HTTP/2
	forward    bool // clients ask it for other hosts
	needs      []string

	// hidesQueries says that its own log has no URL's query.
	hidesQueries bool
}

var (
	nginx = program{
		name: "nginx", binaries: []string{"nginx"}, config: "nginx.conf", version: "-v", terminates: true,
		command: func(s *site) []string {
			return []string{"-p", s.Dir, "-c", s.Config, "-e", filepath.Join(s.Dir, "start.log")}
		},
	}
	haproxy = program{
		name: "haproxy", binaries: []string{"haproxy"}, config: "haproxy.cfg", version: "-v", terminates: true,
		command: func(s *site) []string { return []string{"-db", "-f", s.Config} },
	}
	apache = program{
		name: "Apache", binaries: []string{"apache2", "httpd"}, config: "apache.conf", version: "-v", terminates: true,
		command: func(s *site) []string { return []string{"-DFOREGROUND", "-f", s.Config} },
		needs:   apacheModules,
	}
	varnish = program{
		name: "Varnish", binaries: []string{"varnishd"}, config: "varnish.vcl", version: "-V",
		command: func(s *site) []string {
			return []string{"-F", "-j", "none", "-n", filepath.Join(s.Dir, "work"), "-a", s.HTTP, "-f", s.Config, "-s", "default,16m"}
		},
	}
	squid = program{
		name: "squid", binaries: []string{"squid"}, config: "squid.conf", version: "-v", forward: true, hidesQueries: true,
		command: func(s *site) []string { return []string{"-N", "-f", s.Config} },
	}
	lighttpd = program{
		name: "lighttpd", binaries: []string{"lighttpd"}, config: "lighttpd.conf", version: "-v", terminates: true,
		command: func(s *site) []string { return []string{"-D", "-f", s.Config} },
		needs:   []string{"/usr/lib/lighttpd/mod_openssl.so", "/usr/lib64/lighttpd/mod_openssl.so"},
	}
	caddy = program{
		name: "Caddy", binaries: []string{"caddy"}, config: "Caddyfile", version: "version", terminates: true,
		command: func(s *site) []string { return []string{"run", "--config", s.Config, "--adapter", "caddyfile"} },
	}
	programs = []program{nginx, haproxy, apache, varnish, squid, lighttpd, caddy}
)

var apacheModules = []string{"/usr/lib/apache2/modules/mod_http2.so", "/usr/lib64/httpd/modules/mod_http2.so", "/usr/lib/httpd/modules/mod_http2.so"}

// binary is where the program is; root's directories are not in everyone's path.
func (p program) binary() (string, error) {
	for _, name := range p.binaries {
		for _, place := range []string{name, "/usr/sbin/" + name, "/usr/local/sbin/" + name} {
			if path, err := exec.LookPath(place); err == nil {
				return path, nil
			}
		}
	}
	return "", fmt.Errorf("%s is not installed", p.name)
}

// needed is the first of the files that the program needs one of.
func (p program) needed() (string, error) {
	for _, path := range p.needs {
		if _, err := os.Stat(path); err == nil {
			return path, nil
		}
	}
	if len(p.needs) > 0 {
		return "", fmt.Errorf("%s is installed without %s", p.name, filepath.Base(p.needs[0]))
	}
	return "", nil
}

// site is what a configuration is written from.
type site struct {
	Dir, Logs, Config, Modules string
	User, Group                string // empty where the test is not root
	Backend                    string
	HTTP, TLS                  string // where it listens
	Certificate, Key           string // PEM files; the certificate's has the key too

	variants []string
}

// Is reports whether a configuration is to be one that is not as it should be.
func (s *site) Is(variant string) bool { return slices.Contains(s.variants, variant) }

// Host and port of the addresses.
func (s *site) BackendHost() string { host, _, _ := net.SplitHostPort(s.Backend); return host }
func (s *site) BackendPort() string { _, port, _ := net.SplitHostPort(s.Backend); return port }
func (s *site) HTTPHost() string    { host, _, _ := net.SplitHostPort(s.HTTP); return host }
func (s *site) HTTPPort() string    { _, port, _ := net.SplitHostPort(s.HTTP); return port }
func (s *site) TLSPort() string     { _, port, _ := net.SplitHostPort(s.TLS); return port }

// configuration fills the program's template.
func (p program) configuration(s *site) ([]byte, error) {
	parsed, err := template.ParseFiles(filepath.Join("testdata", p.config))
	if err != nil {
		return nil, err
	}
	var text bytes.Buffer
	err = parsed.Execute(&text, s)
	return text.Bytes(), err
}

// proxy is a program that runs in front of a backend.
type proxy struct {
	program
	site
	*process
}

// start runs the program in front of a backend until the end of the test, which is
// skipped where the program is not installed.
func (p program) start(t testing.TB, backend string, variants ...string) *proxy {
	t.Helper()
	binary, err := p.binary()
	if err != nil {
		skip(t, err.Error())
	}
	needed, err := p.needed()
	if err != nil {
		skip(t, err.Error())
	}
	for range 3 { // a port may be taken in between
		s := site{Modules: filepath.Dir(needed), Backend: backend, variants: variants}
		var started *process
		if started, err = p.startAt(&s, binary); err == nil {
			t.Cleanup(func() {
				if t.Failed() {
					t.Logf("%s wrote:\n%s", p.name, last(started.logs(t), 4<<10))
				}
				started.stop()
			})
			return &proxy{p, s, started}
		}
	}
	t.Fatal(err)
	return nil
}

func (p program) startAt(s *site, binary string) (*process, error) {
	as, err := unprivileged()
	if err != nil {
		return nil, err
	}
	s.User, s.Group = as.Name, as.Group
	addresses, err := freeAddresses(2)
	if err != nil {
		return nil, err
	}
	s.HTTP, s.TLS = addresses[0], addresses[1]
	if s.Dir, err = newDir(as); err != nil {
		return nil, err
	}
	s.Logs = filepath.Join(s.Dir, "logs")
	s.Config = filepath.Join(s.Dir, p.config)
	s.Certificate, s.Key = filepath.Join(s.Dir, "certificate.pem"), filepath.Join(s.Dir, "key.pem")
	config, err := p.configuration(s)
	files := map[string][]byte{s.Config: config, s.Certificate: slices.Concat(certificate().chain, certificate().key), s.Key: certificate().key}
	for path, text := range files {
		if err == nil {
			err = os.WriteFile(path, text, 0o644)
		}
	}
	if err != nil {
		_ = os.RemoveAll(s.Dir)
		return nil, err
	}
	listens := []string{s.HTTP}
	if p.terminates {
		listens = append(listens, s.TLS)
	}
	return run(s.Dir, append([]string{binary}, p.command(s)...), listens...)
}

// certificate is that of net/http/httptest, which is for 127.0.0.1, as PEM.
var certificate = sync.OnceValue(func() (c struct {
	chain, key []byte
	pool       *x509.CertPool
}) {
	s := httptest.NewTLSServer(nil)
	defer s.Close()
	c.chain = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
	key, err := x509.MarshalPKCS8PrivateKey(tlsKey(s.TLS))
	if err != nil {
		panic(err)
	}
	c.key = pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})
	c.pool = x509.NewCertPool()
	c.pool.AddCert(s.Certificate())
	return c
})

func tlsKey(config *tls.Config) any { return config.Certificates[0].PrivateKey }

func last(text string, n int) string { return text[max(0, len(text)-n):] }

// versionOf is the first line that the program prints of itself.
func (p program) versionOf() string {
	binary, err := p.binary()
	if err != nil {
		return err.Error()
	}
	text, err := exec.Command(binary, p.version).CombinedOutput()
	if err != nil {
		return err.Error()
	}
	line, _, _ := strings.Cut(string(text), "\n")
	return line
}
