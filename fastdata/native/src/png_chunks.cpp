#include "png_chunks.h"

#include <libdeflate.h>

#include <cstring>

#include "errors.h"
#include "image_limits.h"
#include "orientation.h"

namespace fastdata {
namespace {

constexpr int kMaxChunks = 200'000;

struct Chunk {
    const std::uint8_t* kind;
    Bytes payload;

    bool is(const char* name) const { return std::memcmp(kind, name, 4) == 0; }
    bool starts_with(const char* text) const {
        // With its final zero, which ends the key of a text chunk.
        const std::size_t size = std::strlen(text) + 1;
        return payload.size >= size && std::memcmp(payload.data, text, size) == 0;
    }
};

std::uint32_t four_bytes(const std::uint8_t* at) {
    return std::uint32_t{at[0]} << 24 | std::uint32_t{at[1]} << 16 | std::uint32_t{at[2]} << 8 |
           at[3];
}

Chunk chunk_at(Bytes file, std::size_t at) {
    if (file.size < 12 || at > file.size - 12) throw NotHere("a PNG cut off between chunks");
    const std::size_t size = four_bytes(file.data + at);
    if (size > file.size - 12 - at) throw NotHere("a PNG cut off inside a chunk");
    const std::uint8_t* kind = file.data + at + 4;
    if (libdeflate_crc32(0, kind, size + 4) != four_bytes(kind + 4 + size)) {
        throw NotHere("a PNG chunk of another checksum");
    }
    return {kind, {kind + 4, size}};
}

bool exists(int bits, int colour) {
    switch (colour) {
        case Png::gray:
            return bits == 1 || bits == 2 || bits == 4 || bits == 8 || bits == 16;
        case Png::palette:
            return bits == 1 || bits == 2 || bits == 4 || bits == 8;
        case Png::rgb:
        case Png::gray_alpha:
        case Png::rgb_alpha:
            return bits == 8 || bits == 16;
        default:
            return false;
    }
}

Png header_of(const Chunk& chunk) {
    const std::uint8_t* data = chunk.payload.data;
    if (!chunk.is("IHDR") || chunk.payload.size != 13) throw NotHere("a PNG without a header");
    if (!exists(data[8], data[9]) || data[10] != 0 || data[11] != 0 || data[12] != 0) {
        throw NotHere("an interlaced PNG, or one of no known kind");
    }
    const std::int64_t width = four_bytes(data);
    const std::int64_t height = four_bytes(data + 4);
    Limits().check_size(height, width);
    Png png;
    png.height = static_cast<int>(height);
    png.width = static_cast<int>(width);
    png.bits = data[8];
    png.colour = data[9];
    return png;
}

void take(const Chunk& chunk, Png& png) {
    if (chunk.is("IDAT")) {
        png.data.push_back(chunk.payload);
    } else if (chunk.is("PLTE")) {
        png.colours = chunk.payload;
    } else if (chunk.is("eXIf")) {
        const int found = exif_orientation(chunk.payload);
        png.orientation = found ? found : 1;
    } else if (chunk.is("tEXt") || chunk.is("zTXt") || chunk.is("iTXt")) {
        if (chunk.starts_with("exif") || chunk.starts_with("Raw profile type exif") ||
            chunk.starts_with("XML:com.adobe.xmp")) {
            throw NotHere("a PNG with metadata in text");
        }
    }
}

}  // namespace

int Png::samples() const {
    switch (colour) {
        case rgb:
            return 3;
        case gray_alpha:
            return 2;
        case rgb_alpha:
            return 4;
        default:
            return 1;
    }
}

std::size_t Png::row_bytes() const {
    return (static_cast<std::size_t>(width) * static_cast<std::size_t>(bits * samples()) + 7) / 8;
}

Png read_png_chunks(Bytes file) {
    std::size_t at = 8;
    Chunk chunk = chunk_at(file, at);
    Png png = header_of(chunk);
    for (int i = 1; i < kMaxChunks; ++i) {
        at += 12 + chunk.payload.size;
        chunk = chunk_at(file, at);
        if (chunk.is("IEND")) {
            const std::size_t colours = png.colours.size;
            const bool has_palette = colours > 0 && colours % 3 == 0 && colours <= 768;
            if (png.colour == Png::palette && !has_palette) throw NotHere("a PNG of odd palette");
            return png;
        }
        take(chunk, png);
    }
    throw NotHere("a PNG of very many chunks");
}

}  // namespace fastdata
