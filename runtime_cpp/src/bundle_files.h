// Checks the files of a bundle on disk: inside its folder, no links, checksums as in the manifest.
#pragma once

#include <map>
#include <string>

namespace edgetrack {

struct ListedFile {
  std::string path, sha256;  // relative to the bundle's folder; 64 hexadecimal digits
  std::string bundle;        // the sibling bundle that holds the file; empty for this bundle
};

// Reads a whole file. Throws Error if it is not a regular file, is empty, or has more than `largest` bytes.
std::string read_file(const std::string& path, std::uint64_t largest);

// Checks the name of a sibling bundle that holds a file of the bundle in `folder`. Throws Error unless `name`
// has 1 to 100 letters, digits, '.', '_' or '-', and begins with a letter or digit.
void check_sibling(const std::string& folder, const std::string& name);

// Returns the path of a file of the bundle in `folder`. Throws Error if the sibling bundle that should hold
// the file is a link.
std::string place_of(const std::string& folder, const ListedFile& file);

// Checks all files, given by their roles. Throws Error unless each one is inside its bundle's folder, is
// reached without a link and matches its checksum, and unless ONNX files keep external weights only in listed
// files.
void check_files(const std::string& folder, const std::map<std::string, ListedFile>& files);

}  // namespace edgetrack
