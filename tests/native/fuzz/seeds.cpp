#include "seeds.h"

// clang-format off: jpeglib.h uses FILE and size_t without including what declares them.
#include <cstdio>
#include <jpeglib.h>
// clang-format on

#include <cstdlib>

#include "choices.h"
#include "png_files.h"

namespace fastdata::fuzz {
namespace {

struct JpegKind {
    int height, width;
    int components;
    int horizontal, vertical;  ///< Of the first component; the others have 1.
    int interval;
    bool progressive;
    bool optimised;
};

std::vector<std::uint8_t> jpeg_of(const JpegKind& kind) {
    jpeg_compress_struct state;
    jpeg_error_mgr errors;
    state.err = jpeg_std_error(&errors);
    jpeg_create_compress(&state);
    unsigned char* bytes = nullptr;
    unsigned long size = 0;  // NOLINT: libjpeg's type.
    jpeg_mem_dest(&state, &bytes, &size);
    state.image_height = static_cast<JDIMENSION>(kind.height);
    state.image_width = static_cast<JDIMENSION>(kind.width);
    state.input_components = kind.components;
    state.in_color_space = kind.components == 1 ? JCS_GRAYSCALE : JCS_RGB;
    jpeg_set_defaults(&state);
    jpeg_set_quality(&state, 60, TRUE);
    state.comp_info[0].h_samp_factor = kind.horizontal;
    state.comp_info[0].v_samp_factor = kind.vertical;
    state.restart_interval = static_cast<unsigned>(kind.interval);
    state.optimize_coding = kind.optimised;
    if (kind.progressive) jpeg_simple_progression(&state);
    jpeg_start_compress(&state, TRUE);
    Choices noise({reinterpret_cast<const std::uint8_t*>(&kind), 0});
    std::vector<std::uint8_t> row(static_cast<std::size_t>(kind.width * kind.components));
    while (state.next_scanline < state.image_height) {
        for (std::uint8_t& value : row) {
            value = static_cast<std::uint8_t>(5 * state.next_scanline + noise.below(60));
        }
        JSAMPROW rows[] = {row.data()};
        jpeg_write_scanlines(&state, rows, 1);
    }
    jpeg_finish_compress(&state);
    jpeg_destroy_compress(&state);
    std::vector<std::uint8_t> file(bytes, bytes + size);
    std::free(bytes);
    return file;
}

}  // namespace

std::vector<std::vector<std::uint8_t>> seeds() {
    std::vector<std::vector<std::uint8_t>> files;
    constexpr int samplings[][2] = {{1, 1}, {2, 1}, {2, 2}, {1, 2}, {4, 1}, {3, 1}};
    for (const auto& [horizontal, vertical] : samplings) {
        files.push_back(jpeg_of({33, 50, 3, horizontal, vertical, 0, false, false}));
        files.push_back(jpeg_of({41, 64, 3, horizontal, vertical, 2, false, true}));
        files.push_back(jpeg_of({17, 35, 3, horizontal, vertical, 3, true, true}));
    }
    for (const int interval : {0, 1, 5}) {
        files.push_back(jpeg_of({30, 47, 1, 1, 1, interval, false, false}));
        files.push_back(jpeg_of({3, 4, 3, 2, 2, interval, false, false}));
    }
    for (std::uint8_t i = 0; i < 60; ++i) {
        const std::uint8_t rows[] = {i, 2, 7, 250, 1, 99, 31};
        Choices choices({rows, sizeof rows});
        files.push_back(png_of_rows({rows, sizeof rows}, choices));
    }
    return files;
}

}  // namespace fastdata::fuzz
