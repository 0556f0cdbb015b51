// The files of a bundle on disk: inside its folder, no links, what the manifest's checksums say.
#pragma once

#include <map>
#include <string>

namespace edgetrack {

struct ListedFile {
  std::string path, sha256;  // relative to the bundle's folder; 64 hexadecimal digits
  std::string bundle;        // the one in the folder beside this one that holds the file; empty for this one
};

// A whole file. Throws Error when it is no file, or has no bytes or more than `largest`.
std::string read_file(const std::string& path, std::uint64_t largest);

// Throws Error unless `name`, of the bundle that holds a file of the one in `folder`, is a plain one: 1 to
// 100 letters, digits, '.', '_' or '-', the first a letter or digit.
void check_sibling(const std::string& folder, const std::string& name);

// Where a file of the bundle in `folder` is. Throws Error when the bundle beside it that shall hold the file
// is a link.
std::string place_of(const std::string& folder, const ListedFile& file);

// Throws Error unless every file, by its role, is inside its bundle's folder, is reached by no link and has
// its checksum, and unless the ONNX files among them keep their weights in files of the list.
void check_files(const std::string& folder, const std::map<std::string, ListedFile>& files);

}  // namespace edgetrack
