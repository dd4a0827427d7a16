package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// confirmOverwrite asks before a file that is there is replaced.
func (a *app) confirmOverwrite(path string) error {
	if path == "-" {
		return nil
	}
	switch info, err := os.Stat(path); {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case info.IsDir():
		return usageErrorf("%s is a directory: name the file", path)
	}
	return a.confirm("Overwrite " + path + "?")
}

// writeWhole writes a file so that there is never a half one at its path.
func writeWhole(path string, data []byte) error {
	file, err := os.CreateTemp(filepath.Dir(path), ".trillianctl-*")
	if err != nil {
		return err
	}
	_, err = file.Write(data)
	err = errors.Join(err, file.Close())
	if err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		_ = os.Remove(file.Name())
	}
	return err
}
