#include "png_files.h"

#include <libdeflate.h>

#include <iterator>

namespace fastdata::fuzz {
namespace {

using File = std::vector<std::uint8_t>;

void append_number(File& out, std::size_t value) {
    for (int shift = 24; shift >= 0; shift -= 8) {
        out.push_back(static_cast<std::uint8_t>(value >> shift));
    }
}

void append_chunk(File& out, const char* kind, const File& payload) {
    append_number(out, payload.size());
    const std::size_t start = out.size();
    out.insert(out.end(), kind, kind + 4);
    out.insert(out.end(), payload.begin(), payload.end());
    append_number(out, libdeflate_crc32(0, out.data() + start, out.size() - start));
}

File compressed(const File& bytes) {
    libdeflate_compressor* compressor = libdeflate_alloc_compressor(1);
    File out(libdeflate_zlib_compress_bound(compressor, bytes.size()));
    out.resize(
        libdeflate_zlib_compress(compressor, bytes.data(), bytes.size(), out.data(), out.size()));
    libdeflate_free_compressor(compressor);
    return out;
}

constexpr PngKind kKinds[] = {
    {1, Png::gray},      {2, Png::gray},        {4, Png::gray},       {8, Png::gray},
    {16, Png::gray},     {8, Png::rgb},         {16, Png::rgb},       {1, Png::palette},
    {2, Png::palette},   {4, Png::palette},     {8, Png::palette},    {8, Png::gray_alpha},
    {8, Png::rgb_alpha}, {16, Png::gray_alpha}, {16, Png::rgb_alpha},
};

File header_of(const Png& png) {
    File header;
    append_number(header, static_cast<std::size_t>(png.width));
    append_number(header, static_cast<std::size_t>(png.height));
    header.insert(header.end(), {static_cast<std::uint8_t>(png.bits),
                                 static_cast<std::uint8_t>(png.colour), 0, 0, 0});
    return header;
}

File filtered_rows(const Png& png, Bytes bytes) {
    const std::size_t stride = png.row_bytes() + 1;
    File rows(stride * static_cast<std::size_t>(png.height));
    for (std::size_t i = 0; i < rows.size(); ++i) {
        rows[i] = bytes.data[i % bytes.size];
        if (i % stride == 0) rows[i] %= 5;
    }
    return rows;
}

}  // namespace

std::vector<std::uint8_t> png_of(PngKind kind, int height, int width, Bytes rows) {
    Png png;
    png.height = height;
    png.width = width;
    png.bits = kind.bits;
    png.colour = kind.colour;
    File out{0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'};
    append_chunk(out, "IHDR", header_of(png));
    if (kind.colour == Png::palette) append_chunk(out, "PLTE", File(3 * (1 + rows.size % 256), 77));
    append_chunk(out, "IDAT", compressed(filtered_rows(png, rows)));
    append_chunk(out, "IEND", {});
    return out;
}

std::vector<std::uint8_t> png_of_rows(Bytes rows, Choices& choices) {
    const PngKind kind = kKinds[choices.below(static_cast<int>(std::size(kKinds)))];
    const int height = choices.between(1, 20);
    return png_of(kind, height, choices.between(1, 40), rows);
}

void mend_checksums(std::vector<std::uint8_t>& file) {
    for (std::size_t at = 8; at + 12 <= file.size();) {
        const std::size_t size = std::size_t{file[at]} << 24 | std::size_t{file[at + 1]} << 16 |
                                 std::size_t{file[at + 2]} << 8 | file[at + 3];
        if (size > file.size() - at - 12) return;
        const std::uint32_t sum = libdeflate_crc32(0, file.data() + at + 4, size + 4);
        at += 8 + size;
        for (int shift = 24; shift >= 0; shift -= 8) {
            file[at++] = static_cast<std::uint8_t>(sum >> shift);
        }
    }
}

}  // namespace fastdata::fuzz
