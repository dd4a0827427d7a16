//go:build unix

package proxies_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// guard runs a program in the shell's own process group until its standard input
// ends, which it does when the test is over, and also when the test dies. Then the
// program is asked to end, and to wait for its children; what is left of the group
// after that is killed, and the directory removed.
const guard = `
(trap : TERM; "$@"; echo "$?" >"$DIR/ended") &
read -r _
trap : TERM
kill -TERM 0
tries=0
until [ -s "$DIR/ended" ] || [ $tries = 60 ]; do sleep 0.05; tries=$((tries + 1)); done
rm -rf "$DIR"
kill -KILL 0`

// process is a program that runs, with its directory.
type process struct {
	dir    string
	output string // the file with what it writes to the terminal
	stop   func()
}

// newDir makes a directory that the program's own user may write to as well. It is
// gone with the process that is started on it.
func newDir(as account) (string, error) {
	dir, err := os.MkdirTemp("", "proxies-")
	if err != nil {
		return "", err
	}
	err = errors.Join(os.Chmod(dir, 0o755), os.Mkdir(filepath.Join(dir, "logs"), 0o755))
	for _, path := range []string{dir, filepath.Join(dir, "logs")} {
		if as.Name != "" {
			err = errors.Join(err, os.Chown(path, as.uid, as.gid))
		}
	}
	return dir, err
}

// account is whom a program that was started as root becomes: some insist on it.
// It is empty where the test is not root.
type account struct {
	Name, Group string
	uid, gid    int
}

func unprivileged() (account, error) {
	if os.Getuid() != 0 {
		return account{}, nil
	}
	u, err := user.Lookup("nobody")
	if err != nil {
		return account{}, err
	}
	g, err := user.LookupGroupId(u.Gid)
	if err != nil {
		return account{}, err
	}
	uid, uidErr := strconv.Atoi(u.Uid)
	gid, gidErr := strconv.Atoi(u.Gid)
	return account{u.Username, g.Name, uid, gid}, errors.Join(uidErr, gidErr)
}

// run starts a program, and waits until it listens on all addresses.
func run(dir string, command []string, addresses ...string) (*process, error) {
	p := &process{dir: dir, output: filepath.Join(dir, "logs", "output")}
	output, err := os.Create(p.output)
	if err != nil {
		return nil, err
	}
	defer output.Close()
	stdin, alive, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer stdin.Close()
	cmd := exec.Command("sh", append([]string{"-c", guard, "sh"}, command...)...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, output, output
	cmd.Env = append(os.Environ(), "DIR="+dir, "HOME="+dir, "TMPDIR="+dir, "XDG_DATA_HOME="+dir, "XDG_CONFIG_HOME="+dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		return nil, errors.Join(err, alive.Close())
	}
	p.stop = func() {
		_ = alive.Close()
		_ = cmd.Wait() // it ends by the signal it sends to itself
		_ = os.RemoveAll(dir)
	}
	for _, address := range addresses {
		if err := p.await(address); err != nil {
			text := p.read(p.output)
			p.stop()
			return nil, fmt.Errorf("%s: %w\n%s", command[0], err, text)
		}
	}
	return p, nil
}

const longestStart = 20 * time.Second

func (p *process) await(address string) error {
	for begin := time.Now(); time.Since(begin) < longestStart; time.Sleep(10 * time.Millisecond) {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			return conn.Close()
		}
		if status, err := os.ReadFile(filepath.Join(p.dir, "ended")); err == nil && len(status) > 0 {
			return fmt.Errorf("ended at once with status %s", bytes.TrimSpace(status))
		}
	}
	return fmt.Errorf("does not listen on %s after %v", address, longestStart)
}

// read is a file's text as far as it can be had.
func (p *process) read(path string) string {
	f, err := os.Open(path)
	if err != nil {
		return err.Error()
	}
	defer f.Close()
	text, _ := io.ReadAll(io.LimitReader(f, 1<<20))
	return string(text)
}

// logs is all that the program has written, to files and to the terminal.
func (p *process) logs(t testing.TB) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(p.dir, "logs", "*"))
	if err != nil {
		t.Fatal(err)
	}
	var all []byte
	for _, file := range files {
		all = append(all, p.read(file)...)
	}
	return string(all)
}

// freeAddresses are addresses on loopback that nobody listened on a moment ago.
func freeAddresses(n int) ([]string, error) {
	var addresses []string
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer l.Close() // all are held until the last one is found
		addresses = append(addresses, l.Addr().String())
	}
	return addresses, nil
}
