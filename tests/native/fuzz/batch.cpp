#include "batch.h"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <vector>

#include "errors.h"
#include "image_decoder.h"
#include "picture.h"
#include "png_files.h"
#include "targets.h"

namespace fastdata::fuzz {
namespace {

using Content = RecordKind::Content;

constexpr std::size_t kSamples = 4;
constexpr std::size_t kGood = 1;  ///< The position of the good record.

RecordKind random_kind(Choices& choices) {
    RecordKind kind;
    kind.content = static_cast<Content>(choices.below(3));
    kind.raw = kind.content == Content::distance || choices.one_in(3);
    kind.channels = choices.one_in(2) ? 1 : 3;
    kind.id_type = choices.one_in(2) ? Target::Type::u8 : Target::Type::u16;
    kind.has_classes = choices.one_in(2);
    kind.distance.planes = kind.has_classes ? choices.between(1, 3) : 1;
    kind.distance.type = choices.one_in(2) ? DistanceRecord::Type::u8 : DistanceRecord::Type::f16;
    kind.distance.zero = static_cast<float>(choices.below(3));
    kind.distance.scale = static_cast<float>(choices.between(1, 4)) / 2;
    return kind;
}

int channels_of(const RecordKind& kind) {
    if (kind.content == Content::image) return kind.channels;
    return kind.content == Content::mask ? 1 : kind.distance.planes;
}

std::size_t pixel_bytes(const RecordKind& kind) {
    if (kind.content == Content::image) return static_cast<std::size_t>(kind.channels);
    if (kind.content == Content::mask) return kind.id_type == Target::Type::u8 ? 1 : 2;
    const std::size_t item = kind.distance.type == DistanceRecord::Type::u8 ? 1 : 2;
    return item * static_cast<std::size_t>(kind.distance.planes);
}

/// A batch whose memory is all its own, to the byte.
class MadeBatch {
  public:
    MadeBatch(Bytes input, Choices choices) : choices_(choices), input_(input) {
        batch_.kind = random_kind(choices_);
        choose_target();
        for (std::size_t i = 0; i < kSamples; ++i) i == kGood ? add_good() : add_input();
        batch_.sizes = sizes_.data();
        batch_.boxes = boxes_.data();
        batch_.out_sizes = out_sizes_.data();
        batch_.resized = resized_;
        batch_.rot90 = rot90_;
        batch_.hflip = hflip_;
        batch_.vflip = vflip_;
    }

    /// Decodes the samples at these positions; what the target held before is `fill`.
    std::vector<Failure> decode(const std::vector<std::size_t>& positions, int threads, int fill) {
        bytes_ = std::make_unique<std::uint8_t[]>(kSamples * sample_bytes());
        std::fill_n(bytes_.get(), kSamples * sample_bytes(), static_cast<std::uint8_t>(fill));
        batch_.first.data = bytes_.get();
        return decode_batch(batch_, positions, threads);
    }

    std::vector<std::uint8_t> made(std::size_t position) const {
        const std::uint8_t* start = bytes_.get() + position * sample_bytes();
        return {start, start + sample_bytes()};
    }

  private:
    std::size_t sample_bytes() const { return static_cast<std::size_t>(batch_.sample_stride); }

    void choose_target() {
        const RecordKind& kind = batch_.kind;
        Target& target = batch_.first;
        target.height = choices_.between(1, 24);
        target.width = choices_.between(1, 24);
        target.channels = channels_of(kind);
        target.type = Target::Type::f32;
        if (kind.content == Content::mask) target.type = kind.id_type;
        if (kind.content == Content::image && choices_.one_in(2)) target.type = Target::Type::u8;
        const std::ptrdiff_t item = target.type == Target::Type::u8    ? 1
                                    : target.type == Target::Type::u16 ? 2
                                                                       : 4;
        const bool planes = kind.content == Content::distance || choices_.one_in(2);
        target.channel_stride = planes ? item * target.height * target.width : item;
        target.column_stride = planes ? item : item * target.channels;
        target.row_stride = target.column_stride * target.width;
        batch_.sample_stride = item * target.height * target.width * target.channels;
    }

    void add_good() {
        if (batch_.kind.raw) {
            good_.assign(5 * 7 * pixel_bytes(batch_.kind), 60);
            return add({good_.data(), good_.size()}, 5, 7);
        }
        static constexpr std::uint8_t rows[] = {2, 7, 250, 1, 99, 31};
        const bool wide = batch_.kind.content == Content::mask && choices_.one_in(2) &&
                          batch_.kind.id_type == Target::Type::u16;
        good_ = png_of({wide ? 16 : 8, Png::gray}, 9, 11, {rows, sizeof rows});
        add({good_.data(), good_.size()}, 9, 11);
    }

    void add_input() {
        if (batch_.kind.raw) {
            const int width = choices_.between(1, 40);
            const std::size_t row = static_cast<std::size_t>(width) * pixel_bytes(batch_.kind);
            const int height = static_cast<int>(std::min<std::size_t>(input_.size / row, 1000));
            const std::size_t lies = choices_.one_in(8);
            const std::size_t size =
                std::min(row * static_cast<std::size_t>(height) + lies, input_.size);
            return add({input_.data, size}, height, width);
        }
        StoredImage image{16, 16, 1};
        try {
            image = decoder_.open(input_);
        } catch (const std::runtime_error&) {
            // Any size will do for a record that is refused.
        }
        if (std::int64_t{image.height} * image.width > kMostPixels) image = {16, 16, 1};
        if (Turn::upright(image.orientation).transpose) std::swap(image.height, image.width);
        add(input_, image.height + choices_.one_in(16), image.width);
    }

    void add(Bytes record, int height, int width) {
        const std::size_t at = batch_.records.size();
        batch_.records.push_back(record);
        sizes_.insert(sizes_.end(), {height, width});
        rot90_[at] = static_cast<std::uint8_t>(choices_.below(4));
        hflip_[at] = choices_.one_in(2);
        vflip_[at] = choices_.one_in(2);
        const Target& target = batch_.first;
        const bool turned = rot90_[at] & 1;
        const int tall = turned ? target.width : target.height;
        const int wide = turned ? target.height : target.width;
        out_sizes_.insert(out_sizes_.end(), {target.height, target.width});
        Box box = choices_.box(std::max(height, 1), std::max(width, 1));
        resized_[at] = tall > height || wide > width || choices_.one_in(2);
        if (!resized_[at]) {
            box = {double(choices_.below(height - tall + 1)),
                   double(choices_.below(width - wide + 1)), double(tall), double(wide)};
        }
        boxes_.insert(boxes_.end(), {box.top, box.left, box.height, box.width});
    }

    Choices choices_;
    Bytes input_;
    ImageDecoder decoder_;
    Batch batch_;
    std::vector<std::uint8_t> good_;
    std::vector<std::int32_t> sizes_, out_sizes_;
    std::vector<double> boxes_;
    bool resized_[kSamples], hflip_[kSamples], vflip_[kSamples];
    std::uint8_t rot90_[kSamples];
    std::unique_ptr<std::uint8_t[]> bytes_;
};

bool is_zero(const std::vector<std::uint8_t>& bytes) {
    return std::all_of(bytes.begin(), bytes.end(), [](std::uint8_t byte) { return byte == 0; });
}

}  // namespace

void check_batch(Bytes input, Choices choices) {
    MadeBatch batch(input, choices);
    expect(batch.decode({kGood}, 1, 0xCD).empty(), "a good record is good");
    const std::vector<std::uint8_t> alone = batch.made(kGood);
    const auto failures = batch.decode({0, 1, 2, 3}, 3, 0xAB);
    expect(batch.made(kGood) == alone, "a bad record leaves its neighbours as they are");
    std::vector<std::vector<std::uint8_t>> found;
    for (std::size_t i = 0; i < kSamples; ++i) found.push_back(batch.made(i));
    for (const Failure& failure : failures) {
        expect(failure.position != kGood, "a good record is good beside a bad one");
        expect(failure.kind == Failure::Kind::not_here || is_zero(found[failure.position]),
               "the place of a bad record is zero");
        expect(!failure.message.empty(), "a bad record has a reason");
    }
    expect(batch.decode({0, 1, 2, 3}, 1, 0xAB).size() == failures.size(),
           "as many samples fail in one thread");
    for (std::size_t i = 0; i < kSamples; ++i) {
        expect(batch.made(i) == found[i], "the result does not depend on the threads");
    }
}

}  // namespace fastdata::fuzz
