// The sources of the CUDA kernels, run by fake_cuda/emulator.h, against their CPU twins: equal to the last
// bit. tests/kernels/test_cuda_kernels.py compiles and runs it. Outputs are poisoned first.
#include <cuda_runtime_api.h>

#undef edgetrack
#undef __CUDA_ARCH__  // what follows is the host's side: the twin with its own arithmetic
#undef __CUDACC__

#include <random>

#include "check.h"
#include "cuda_kernels.h"
#include "token_select_cpu.h"

using namespace edgetrack;

std::mt19937 generator(20);

int pick(int low, int high) { return std::uniform_int_distribution<int>(low, high)(generator); }
float normal() { return std::normal_distribution<float>()(generator); }

template <class T>
using Bytes = std::vector<T>;

template <class T>
bool same_bits(const Bytes<T>& a, const Bytes<T>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0;
}

// Scores alike, whichever NaN they hold.
bool same_scores(const Bytes<float>& a, const Bytes<float>& b) {
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (!(a[i] == b[i] || (a[i] != a[i] && b[i] != b[i]))) return false;
  }
  return a.size() == b.size();
}

struct Outputs {
  Bytes<std::uint8_t> selected;
  Bytes<std::int32_t> indices, count;
  Bytes<float> scores;

  Outputs(const TokenSelectShape& s, std::size_t element)
      : selected(element * s.batch * s.keep * s.width, 0xA5),
        indices(std::size_t(s.batch) * s.keep, -77),
        count(s.batch, -77),
        scores(std::size_t(s.batch) * s.tokens, -77.0f) {}
};

float special() {
  const float values[] = {NAN, INFINITY, -INFINITY, 0.0f, -0.0f, 1e-30f, 1e-42f, 1e19f, 3e38f};
  return values[pick(0, 8)];
}

Bytes<std::uint8_t> random_tokens(TokenType type, std::size_t count, bool specials, std::size_t row) {
  Bytes<std::uint8_t> bytes(count * (type == TokenType::kFloat ? 4 : type == TokenType::kHalf ? 2 : 1));
  for (std::size_t i = 0; i < count; ++i) {
    const float value = specials && pick(0, 40) == 0 ? special() : normal();
    const __half half = __float2half_rn(value);
    const std::int8_t integer = static_cast<std::int8_t>(pick(-127, 127));
    if (type == TokenType::kFloat) std::memcpy(&bytes[4 * i], &value, 4);
    if (type == TokenType::kHalf) std::memcpy(&bytes[2 * i], &half, 2);
    if (type == TokenType::kInt8) std::memcpy(&bytes[i], &integer, 1);
  }
  const std::size_t row_bytes = bytes.size() / count * row;
  for (std::size_t at = row_bytes; at + row_bytes <= bytes.size(); at += row_bytes) {
    if (pick(0, 4) == 0) std::memcpy(&bytes[at], &bytes[at - row_bytes], row_bytes);  // ties
  }
  return bytes;
}

void test_select(TokenType type, TokenSelectShape shape, bool specials) {
  const std::size_t element = type == TokenType::kFloat ? 4 : type == TokenType::kHalf ? 2 : 1;
  const std::size_t images = shape.batch;
  const auto tokens = random_tokens(type, images * shape.tokens * shape.width, specials, shape.width);
  const auto keys = random_tokens(type, images * shape.tokens * shape.key_width, specials, shape.key_width);
  Bytes<float> prototypes(images * shape.prototypes * shape.key_width), threshold(images);
  for (float& value : prototypes) value = normal() / std::sqrt(static_cast<float>(shape.key_width));
  if (pick(0, 2) == 0) std::fill_n(prototypes.begin(), shape.key_width, 0.0f);  // the first one is absent
  for (float& value : threshold) value = 0.1f * normal();
  Outputs twin(shape, element), gpu(shape, element);
  const auto buffers = [&](Outputs& out) {
    return TokenSelectBuffers{tokens.data(),       keys.data(),        prototypes.data(), threshold.data(),
                              out.selected.data(), out.indices.data(), out.count.data(),  out.scores.data()};
  };
  token_select(type, shape, buffers(twin));
  const std::int32_t code = static_cast<std::int32_t>(type);
  std::int32_t blocks = 0;
  CHECK(edgetrack_token_select_blocks(code, &shape, &blocks) == 0);
  CHECK(blocks >= 1 && (blocks == 1 || blocks * shape.batch <= emulator::kProcessors));
  const TokenSelectBuffers device = buffers(gpu);
  CHECK(edgetrack_token_select(code, &shape, &device, blocks, nullptr) == 0);
  CHECK(same_scores(twin.scores, gpu.scores));
  CHECK(twin.indices == gpu.indices && twin.count == gpu.count);
  CHECK(same_bits(twin.selected, gpu.selected));

  const TokenRestoreShape back{shape.batch, shape.tokens, shape.keep,
                               shape.width * static_cast<std::int32_t>(element)};
  for (std::uint8_t& byte : gpu.selected) byte = static_cast<std::uint8_t>(~byte);
  Bytes<std::uint8_t> expected(tokens.size(), 0), restored(tokens.size(), 0xA5);
  token_restore(back, tokens.data(), gpu.selected.data(), gpu.indices.data(), expected.data());
  CHECK(edgetrack_token_restore(&back, tokens.data(), gpu.selected.data(), gpu.indices.data(),
                                restored.data(), nullptr) == 0);
  CHECK(same_bits(expected, restored));
}

void test_refusals() {
  TokenSelectShape good{1, 4, 3, 3, 1, 2};
  std::int32_t blocks = 0;
  CHECK(edgetrack_token_select_blocks(0, &good, &blocks) == 0);
  for (int field = 0; field < 6; ++field) {
    for (const std::int32_t value : {0, -1, INT32_MAX}) {
      TokenSelectShape bad = good;
      reinterpret_cast<std::int32_t*>(&bad)[field] = value;
      CHECK(edgetrack_token_select_blocks(0, &bad, &blocks) != 0);
    }
  }
  CHECK(edgetrack_token_select_blocks(3, &good, &blocks) != 0);
  const TokenSelectBuffers none{};
  CHECK(edgetrack_token_select(0, &good, &none, 0, nullptr) != 0);
}

void test_crop(int rows, int cols) {
  const int height = 2 * pick(1, 12), width = 2 * pick(1, 12);
  Bytes<std::uint8_t> bgr(std::size_t(height) * width * 3), planes(std::size_t(height) * width * 3 / 2);
  for (std::uint8_t& byte : bgr) byte = static_cast<std::uint8_t>(pick(0, 255));
  for (std::uint8_t& byte : planes) byte = static_cast<std::uint8_t>(pick(0, 255));
  const BgrFrame frame{bgr.data(), 3 * width, height, width};
  const Nv12Frame nv12{planes.data(), planes.data() + std::size_t(height) * width, width, width, height,
                       width};
  const Region region{8.0 * normal(), 8.0 * normal(), 1.0 + pick(0, 40), 1.0 + pick(0, 40)};
  const Colors colors{{0.01f, 0.02f, 0.03f}, {-1.0f, -2.0f, -3.0f}, {10.0f, 90.0f, 250.0f}};
  const std::size_t size = std::size_t(rows) * cols * 3;
  for (const bool yuv : {false, true}) {
    Bytes<float> twin(size), gpu(size, -77.0f);
    Bytes<__half> half(size);
    if (yuv) {
      crop_pixels(nv12, region, colors, rows, cols, twin.data());
      CHECK(edgetrack_crop_nv12(&nv12, &region, &colors, rows, cols, 0, gpu.data(), nullptr) == 0);
      CHECK(edgetrack_crop_nv12(&nv12, &region, &colors, rows, cols, 1, half.data(), nullptr) == 0);
    } else {
      crop_pixels(frame, region, colors, rows, cols, twin.data());
      CHECK(edgetrack_crop_bgr(&frame, &region, &colors, rows, cols, 0, gpu.data(), nullptr) == 0);
      CHECK(edgetrack_crop_bgr(&frame, &region, &colors, rows, cols, 1, half.data(), nullptr) == 0);
    }
    CHECK(same_bits(twin, gpu));
    for (std::size_t i = 0; i < size; ++i) CHECK(half[i].bits == __float2half_rn(twin[i]).bits);
  }
  const Region empty{0, 0, 0, 1};
  CHECK(edgetrack_crop_bgr(&frame, &empty, &colors, rows, cols, 0, nullptr, nullptr) != 0);
}

int main() {
  for (const TokenType type : {TokenType::kFloat, TokenType::kHalf, TokenType::kInt8}) {
    for (int i = 0; i < 12; ++i) {
      const int tokens = pick(1, 100);
      const TokenSelectShape shape{pick(1, 4),   tokens,     pick(1, 40),
                                   pick(1, 300), pick(1, 3), pick(1, tokens)};
      test_select(type, shape, i % 2 == 1);
    }
  }
  test_select(TokenType::kFloat, {1, 256, 192, 192, 2, 128}, false);
  test_select(TokenType::kHalf, {1, 1024, 16, 768, 1, 512}, false);
  test_select(TokenType::kInt8, {1, 40, 16, 64, 32, 40}, true);
  test_refusals();
  for (int i = 0; i < 6; ++i) test_crop(pick(1, 20), pick(1, 70));
  std::puts("ok");
}
