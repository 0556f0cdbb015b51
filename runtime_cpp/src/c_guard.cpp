#include "c_guard.h"

#include <exception>

namespace edgetrack {

namespace {

Bundle open_bundle(const char* folder, const edgetrack_options* options) {
  require(folder, "bundle");
  return Bundle::open(folder, options && options->precision ? options->precision : "fp32");
}

}  // namespace

edgetrack_code current_code(std::string& message) noexcept {
  const auto keep = [&](edgetrack_code code, const char* text) {
    try {
      message = text;
    } catch (...) {
      message.clear();  // no memory for the text
    }
    return code;
  };
  try {
    throw;
  } catch (const Error& error) {
    return keep(static_cast<edgetrack_code>(error.code), error.what());
  } catch (const std::exception& error) {
    return keep(EDGETRACK_INTERNAL, error.what());
  } catch (...) {
    return keep(EDGETRACK_INTERNAL, "an exception of an unknown type");
  }
}

std::string& last_message() noexcept {
  thread_local std::string message;
  return message;
}

void require(const void* pointer, const char* name) {
  if (!pointer) throw Error(Code::config, std::string(name) + " is NULL; expected a valid pointer");
}

edgetrack_track to_c(const Track& track) {
  edgetrack_track out = {};
  if (track.box) out.box = {track.box->x, track.box->y, track.box->w, track.box->h};
  out.has_box = track.box ? 1 : 0;
  out.score = track.score;
  out.status = static_cast<edgetrack_status>(track.status);
  out.index = track.index;
  out.basis = static_cast<edgetrack_basis>(track.basis);
  out.x_share = track.x_share.value_or(-1);
  out.modalities = (track.modalities[0] ? 1 : 0) | (track.modalities[1] ? 2 : 0);
  return out;
}

edgetrack_timing to_c(const Timing& timing) { return {timing.crop_s, timing.network_s, timing.total_s}; }

std::optional<Box> from_c(const edgetrack_box* box) {
  if (!box) return std::nullopt;
  return Box{box->x, box->y, box->w, box->h};
}

Frame from_c(const edgetrack_pair* pair) {
  require(pair, "pair");
  if (!pair->bgr && !pair->x)
    throw Error(Code::frame,
                "bgr and x of the pair are both NULL; expected the pixels of at least one of them");
  Frame frame = {pair->bgr, pair->width, pair->height, pair->row_bytes};
  frame.x = pair->x, frame.x_row_bytes = pair->x_row_bytes;
  if (!pair->bgr) frame.bgr = pair->x, frame.row_bytes = pair->x_row_bytes, frame.color = false;
  return frame;
}

Opening::Opening(const char* folder, const edgetrack_options* options)
    : bundle(open_bundle(folder, options)) {
  if (!options) return;
  engine.file = options->library ? options->library : "";
  engine.threads = options->threads;
}

}  // namespace edgetrack

const char* edgetrack_message(void) { return edgetrack::last_message().c_str(); }
