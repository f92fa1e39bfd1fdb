#include <algorithm>
#include <cstdint>
#include <memory>
#include <vector>

#include "errors.h"
#include "image_decoder.h"
#include "jpeg_batch.h"
#include "jpeg_transcode.h"
#include "picture.h"
#include "targets.h"

namespace fastdata::fuzz {
namespace {

constexpr std::size_t kFiles = 3;

using File = std::vector<std::uint8_t>;

/// The crops of a batch, each in memory of its own.
struct Cut {
    std::vector<File> files{kFiles};
    std::vector<std::int64_t> offsets = std::vector<std::int64_t>(kFiles);
    std::vector<std::int64_t> lengths = std::vector<std::int64_t>(kFiles);
    std::vector<std::int32_t> origins = std::vector<std::int32_t>(2 * kFiles);
    std::vector<std::int32_t> sizes = std::vector<std::int32_t>(2 * kFiles);
    std::vector<std::size_t> failed;

    Cut(const std::vector<Bytes>& sources, const std::vector<std::int64_t>& boxes, int threads) {
        // No more than is promised to be enough, so that a sanitizer sees a byte too many.
        const std::size_t room = room_for_crops(sources);
        const auto data = std::make_unique<std::uint8_t[]>(room);
        const JpegCrops crops{data.get(),     room,           offsets.data(),
                              lengths.data(), origins.data(), sizes.data()};
        for (const Failure& failure : crop_jpegs(sources, boxes.data(), crops, threads)) {
            expect(!failure.message.empty(), "a bad file has a reason");
            expect(lengths[failure.position] == 0, "a bad file has no crop");
            failed.push_back(failure.position);
        }
        for (std::size_t i = 0; i < kFiles; ++i) {
            const std::uint8_t* start = data.get() + offsets[i];
            files[i].assign(start, start + std::max<std::int64_t>(lengths[i], 0));
        }
    }

    bool operator==(const Cut& other) const {
        return files == other.files && lengths == other.lengths && origins == other.origins &&
               sizes == other.sizes && failed == other.failed;
    }
};

StoredImage size_of(Bytes file) {
    try {
        return ImageDecoder().open(file);
    } catch (const std::runtime_error&) {
        // Any size will do for a file that is refused.
        return {16, 16, 1};
    }
}

/// A box in the picture, or seldom beside it.
void add_box(std::vector<std::int64_t>& boxes, const StoredImage& image, Choices& choices) {
    const Rect box = choices.rect(std::max(image.height, 1), std::max(image.width, 1));
    const std::int64_t beside = choices.one_in(16) ? INT64_MAX - 70'000 : 0;
    boxes.insert(boxes.end(), {box.top + beside, box.left, box.height, box.width});
}

void look(const std::vector<Bytes>& files, const std::vector<std::int32_t>& sizes) {
    bool plain[kFiles], alone[kFiles];
    const std::size_t failed = jpeg_kinds(files, sizes.data(), true, plain, 3).size();
    expect(jpeg_kinds(files, sizes.data(), true, alone, 1).size() == failed,
           "as many files fail in one thread");
    expect(std::equal(plain, plain + kFiles, alone), "kinds do not depend on the threads");
}

}  // namespace

void check_files(Bytes input, Choices choices) {
    const StoredImage image = size_of(input);
    if (std::int64_t{image.height} * image.width > kMostPixels) return;
    File with_restarts;
    try {
        transcode_jpeg(input, {}, choices.between(1, 64), with_restarts);
    } catch (const BadInput&) {
        with_restarts.assign(input.data, input.data + input.size / 2);
    }
    const Bytes other{with_restarts.data(), with_restarts.size()};
    const std::vector<Bytes> files{input, other, other};
    std::vector<std::int64_t> boxes;
    std::vector<std::int32_t> sizes;
    for (const Bytes& file : files) {
        const StoredImage found = size_of(file);
        add_box(boxes, found, choices);
        sizes.insert(sizes.end(), {found.height, found.width});
    }
    expect(Cut(files, boxes, 1) == Cut(files, boxes, 3), "crops do not depend on the threads");
    look(files, sizes);
}

}  // namespace fastdata::fuzz
